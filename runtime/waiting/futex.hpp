// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/backend/sys.hpp>
#include <weft/waiting/park.hpp>

#include <atomic>
#include <cerrno>
#include <cstdint>

namespace weft {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

// Blocks the thread while the word has this value; false: the deadline has passed. May return true without cause.
inline bool futex_wait_until(
    const std::atomic<std::uint32_t>& word, std::uint32_t value, clock::time_point deadline) noexcept {
    std::int64_t left = -1;
    if (deadline != never) {
        const clock::time_point now = clock::now();
        if (deadline <= now) return false; // before the subtraction, which the distant past would overflow
        left = (deadline - now).count();
    }
    return sys::futex_wait(reinterpret_cast<const std::uint32_t*>(&word), value, left) != -ETIMEDOUT;
}

inline void futex_wake_one(const std::atomic<std::uint32_t>& word) noexcept {
    sys::futex_wake(reinterpret_cast<const std::uint32_t*>(&word), 1);
}

} // namespace weft
