// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft {

// Text for a file descriptor, put together without allocation, locale or lock, so that a signal handler can
// use it.
class signal_text {
public:
    explicit signal_text(int descriptor) noexcept : descriptor_(descriptor) {}
    ~signal_text() { flush(); }
    signal_text(const signal_text&) = delete;
    signal_text& operator=(const signal_text&) = delete;

    signal_text& operator<<(std::string_view) noexcept;
    signal_text& decimal(std::uint64_t) noexcept;
    signal_text& hexadecimal(std::uint64_t) noexcept; // with 0x before it
    void flush() noexcept;

private:
    signal_text& number(std::uint64_t, int base) noexcept;

    int descriptor_;
    std::size_t used_ = 0;
    std::array<char, 256> buffer_;
};

} // namespace weft
