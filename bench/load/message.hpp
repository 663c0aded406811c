// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/measure.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace load {

// What a client sends, and how much of it has come back.
class message {
public:
    message() { sent_.fill(std::byte{0x5a}); }

    // Another than the one before.
    std::span<const std::byte> next() {
        ++number_;
        std::memcpy(sent_.data(), &number_, sizeof number_);
        returned_ = 0;
        return sent_;
    }

    std::span<std::byte> missing() { return std::span(received_).subspan(returned_); }
    // True if nothing is missing any more. The program ends if it is not what was sent.
    bool add(std::size_t more) {
        returned_ += more;
        if (returned_ < sent_.size()) return false;
        bench::check(sent_ == received_, "the server did not send back what it got");
        return true;
    }

private:
    std::array<std::byte, 64> sent_;
    std::array<std::byte, 64> received_{};
    std::size_t returned_ = 0;
    std::uint64_t number_ = 0;
};

} // namespace load
