// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/detail/any_stream.hpp>

#include <cstddef>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

namespace weft::net::detail {

[[gnu::visibility("default")]] void report_dropped(std::size_t bytes) noexcept;

// What was written and not yet given to the stream: all of a buffered_writer that does not depend on the stream's type.
// A byte leaves it only when the stream has taken it.
class [[gnu::visibility("default")]] write_buffer {
public:
    explicit write_buffer(std::size_t capacity) noexcept : capacity_(capacity) {}
    write_buffer(write_buffer&& other) noexcept
        : capacity_(other.capacity_),
          bytes_(std::exchange(other.bytes_, {})) {}
    write_buffer& operator=(write_buffer&& other) noexcept {
        write_buffer taken(std::move(other));
        std::swap(capacity_, taken.capacity_);
        std::swap(bytes_, taken.bytes_);
        return *this;
    }
    ~write_buffer() {
#ifndef NDEBUG
        if (!bytes_.empty()) report_dropped(bytes_.size());
#endif
    }

    std::size_t size() const noexcept { return bytes_.size(); }

    // Both give the number of bytes: of `from` that were taken, of the buffer that were given to the stream.
    std::size_t write_all(any_writer to, std::span<const std::byte> from, std::error_code& ec);
    std::size_t flush(any_writer to, std::error_code& ec);

private:
    void drop_front(std::size_t count) noexcept;

    std::size_t capacity_;
    std::vector<std::byte> bytes_;
};

} // namespace weft::net::detail
