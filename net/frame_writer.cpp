// SPDX-License-Identifier: BSL-1.0
#include <weft/cancelled.hpp>
#include <weft/net/detail/frame_writer.hpp>
#include <weft/waiting/park.hpp>

#include <vector>

namespace weft::net::detail {

std::size_t frame_writer::write(any_writer to, std::span<const std::byte> header,
    std::span<const std::byte> payload, std::error_code& ec) {
    begin_operation();
    if (torn_.load(std::memory_order_relaxed)) {
        ec = std::make_error_code(std::errc::broken_pipe);
        return 0;
    }
    std::vector<std::byte> frame;
    frame.reserve(header.size() + payload.size());
    frame.insert(frame.end(), header.begin(), header.end());
    frame.insert(frame.end(), payload.begin(), payload.end());
    std::size_t sent = 0;
    try {
        sent = to.write_all(frame, ec);
    } catch (const cancelled& early) {
        if (early.transferred() != 0) torn_.store(true, std::memory_order_relaxed);
        throw;
    }
    if (ec && sent != 0) torn_.store(true, std::memory_order_relaxed);
    return sent;
}

} // namespace weft::net::detail
