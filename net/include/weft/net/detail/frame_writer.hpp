// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/detail/any_stream.hpp>

#include <atomic>
#include <cstddef>
#include <span>
#include <system_error>

namespace weft::net::detail {

// Sends frames, each by one write_all, until one ends in the middle. Thread-safe as the stream's write_all is, but for being
// moved. The flag orders nothing: who writes while another's frame is torn apart may come before or after that.
class [[gnu::visibility("default")]] frame_writer {
public:
    frame_writer() noexcept = default;
    frame_writer(frame_writer&& other) noexcept : torn_(other.torn_.load(std::memory_order_relaxed)) {}
    frame_writer& operator=(frame_writer&& other) noexcept {
        torn_.store(other.torn_.load(std::memory_order_relaxed), std::memory_order_relaxed);
        return *this;
    }
    ~frame_writer() = default;

    // Gives the bytes that were sent, those of the header included.
    std::size_t write(any_writer to, std::span<const std::byte> header, std::span<const std::byte> payload,
        std::error_code& ec);

private:
    std::atomic<bool> torn_{false};
};

} // namespace weft::net::detail
