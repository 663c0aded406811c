// SPDX-License-Identifier: BSL-1.0
#include <weft/cancelled.hpp>
#include <weft/net/detail/write_buffer.hpp>
#include <weft/waiting/park.hpp>

#include <algorithm>
#include <cstdio>
#include <iterator>

namespace weft::net::detail {

void report_dropped(std::size_t bytes) noexcept {
    std::fprintf(
        stderr, "weft: a buffered_writer was destroyed with %zu bytes not flushed: dropped\n", bytes);
}

std::size_t write_buffer::write_all(any_writer to, std::span<const std::byte> from, std::error_code& ec) {
    begin_operation();
    ec.clear();
    if (from.size() > capacity_ - bytes_.size()) {
        try {
            flush(to, ec);
        } catch (cancelled& early) {
            early.set_transferred(0); // those were not of this call
            throw;
        }
        if (ec) return 0;
        if (from.size() >= capacity_) return to.write_all(from, ec);
    }
    bytes_.insert(bytes_.end(), from.begin(), from.end());
    return from.size();
}

std::size_t write_buffer::flush(any_writer to, std::error_code& ec) {
    begin_operation();
    ec.clear();
    if (bytes_.empty()) return 0;
    std::size_t sent = 0;
    try {
        sent = to.write_all(bytes_, ec);
    } catch (const cancelled& early) {
        drop_front(early.transferred());
        throw;
    }
    drop_front(sent);
    return sent;
}

void write_buffer::drop_front(std::size_t count) noexcept {
    const auto first = bytes_.begin();
    bytes_.erase(first, std::next(first, static_cast<std::ptrdiff_t>(std::min(count, bytes_.size()))));
}

} // namespace weft::net::detail
