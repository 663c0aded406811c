// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/detail/countdown.hpp>
#include <weft/detail/deadline.hpp>

#include <chrono>
#include <cstddef>
#include <limits>

namespace weft {

// As std::latch: counts down to zero once, and lets go those who wait for that, fibers and plain threads. Thread-safe. To be
// destroyed while nobody waits for it. Happens before: a count_down, and the return of every wait.
class [[gnu::visibility("default")]] latch {
public:
    // Throws std::invalid_argument for a negative number.
    explicit latch(std::ptrdiff_t expected);
    latch(const latch&) = delete;
    latch& operator=(const latch&) = delete;

    static constexpr std::ptrdiff_t max() noexcept { return std::numeric_limits<std::ptrdiff_t>::max(); }

    // Never blocks. Throws std::logic_error, which names the numbers, if n is negative or more than is left; then nothing has changed.
    void count_down(std::ptrdiff_t n = 1);
    // True: the count is zero. Never blocks.
    bool try_wait() const noexcept { return count_.is_zero(); }

    // Waits until the count is zero. Blocks the calling fiber or thread. A cancellation point.
    void wait() const { wait_before(clock::time_point::max()); }
    // As wait, but gives up at the deadline: false.
    template <class Rep, class Period>
    bool wait_for(const std::chrono::duration<Rep, Period>& duration) const {
        return wait_before(deadline_after(duration));
    }
    template <class Clock, class Duration>
    bool wait_until(const std::chrono::time_point<Clock, Duration>& deadline) const {
        return wait_before(detail::deadline_at(deadline));
    }
    // count_down, then wait; a cancellation leaves the count as it is then.
    void arrive_and_wait(std::ptrdiff_t n = 1) {
        count_down(n);
        wait();
    }

private:
    bool wait_before(clock::time_point deadline) const;

    mutable detail::countdown count_;
};

} // namespace weft
