// SPDX-License-Identifier: BSL-1.0
#include "debug/signal_text.hpp"

#include <weft/backend/sys.hpp>

#include <algorithm>
#include <charconv>

namespace weft {

signal_text& signal_text::operator<<(std::string_view text) noexcept {
    while (!text.empty()) {
        if (used_ == buffer_.size()) flush();
        const std::size_t part = std::min(text.size(), buffer_.size() - used_);
        text.copy(buffer_.data() + used_, part);
        used_ += part;
        text.remove_prefix(part);
    }
    return *this;
}

signal_text& signal_text::decimal(std::uint64_t value) noexcept { return number(value, 10); }

signal_text& signal_text::hexadecimal(std::uint64_t value) noexcept {
    return (*this << "0x").number(value, 16);
}

signal_text& signal_text::number(std::uint64_t value, int base) noexcept {
    std::array<char, 20> digits;
    const char* const end = std::to_chars(digits.begin(), digits.end(), value, base).ptr;
    return *this << std::string_view(digits.begin(), end);
}

void signal_text::flush() noexcept {
    std::size_t written = 0;
    while (written < used_) {
        const long part = sys::write(descriptor_, buffer_.data() + written, used_ - written);
        if (part <= 0) break;
        written += static_cast<std::size_t>(part);
    }
    used_ = 0;
}

} // namespace weft
