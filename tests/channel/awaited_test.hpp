// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/actors.hpp"

#include <weft/detail/awaited.hpp>

#include <cstddef>
#include <stdexcept>

// What the tests of oneshot, watch and broadcast share.
namespace weft::test {

// How many wait for news of what the handle names.
template <class Handle>
std::size_t waiting(const Handle& handle) {
    return detail::awaited_access::state(handle).waiting();
}

// How many wait to send on a broadcast.
template <class Broadcast>
std::size_t blocked_senders(const Broadcast& of) {
    return detail::awaited_access::state(of).senders_waiting();
}

// Throws at so many moves from it, and at its copy if told to.
struct fragile {
    explicit fragile(int with) noexcept : value(with) {}
    fragile(const fragile& other) : value(other.value), copy_throws(other.copy_throws) {
        if (copy_throws) throw std::runtime_error("copy");
    }
    fragile(fragile&& other) // NOLINT(performance-noexcept-move-constructor): it throws
        : value(other.value),
          copy_throws(other.copy_throws) {
        if (other.moves_to_throw > 0) {
            --other.moves_to_throw;
            throw std::runtime_error("move");
        }
        other.value = -1;
    }
    fragile& operator=(const fragile&) = default;

    int value;
    int moves_to_throw = 0;
    bool copy_throws = false;
};

} // namespace weft::test
