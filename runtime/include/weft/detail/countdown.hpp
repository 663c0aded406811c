// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>
#include <weft/waiting/wait_reason.hpp>

#include <atomic>
#include <cstddef>

namespace weft::detail {

// A number that is zero or more, and those who wait until it is zero; see countdown.cpp.
class [[gnu::visibility("default")]] countdown {
public:
    enum class change_result { done, below_zero, too_big };

    constexpr explicit countdown(std::ptrdiff_t initial) noexcept : count_(initial) {}

    // Adds a number, which may be negative; to zero, it wakes all who wait. But for `done` nothing has changed, and `before` is
    // what stood in the way. Never blocks.
    change_result change(std::ptrdiff_t by, std::ptrdiff_t& before) noexcept;

    // A snapshot, without an edge.
    std::ptrdiff_t value() const noexcept { return count_.load(std::memory_order_relaxed); }
    // Never blocks. True: everything that led to zero happened before.
    bool is_zero() noexcept;
    // Waits for zero. False: the deadline passed. A cancellation point.
    bool wait(const wait_reason& reason, clock::time_point deadline);

private:
    std::atomic<std::ptrdiff_t> count_;
    spin_lock lock_;
    wait_queue queue_;
};

} // namespace weft::detail
