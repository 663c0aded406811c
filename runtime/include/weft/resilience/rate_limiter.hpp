// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/detail/deadline.hpp>
#include <weft/sync/semaphore.hpp>
#include <weft/waiting/spin_lock.hpp>

#include <chrono>
#include <cstddef>

namespace weft {

struct rate_limiter_options {
    double rate = 1;       // tokens a second
    std::size_t burst = 1; // how many there can be at a time, and are at first
};

namespace detail {

// How many tokens there are, as the instant at which there will be all of them; with the time passed in. Whole nanoseconds, and what
// is left of the last one.
class [[gnu::visibility("default")]] token_bucket {
public:
    // Full at `now`. Throws std::invalid_argument, which names the field and its value.
    token_bucket(double rate, std::size_t burst, clock::time_point now);

    std::size_t burst() const noexcept { return burst_; }
    // When n tokens are there if none are taken before; n <= burst().
    clock::time_point ready_at(std::size_t n) const noexcept;
    // Takes n if they are there.
    bool take(std::size_t n, clock::time_point now) noexcept;

private:
    double interval_; // between two tokens, in nanoseconds
    std::size_t burst_;
    clock::time_point full_at_;
    double part_ = 0; // of a nanosecond, that full_at_ is short of
};

} // namespace detail

// Lets so many pass a second, and some at a time: a bucket of tokens, filled at a rate. First come, first served, however many each
// takes; while anybody waits, nobody else takes any. For fibers and plain threads; thread-safe. To be destroyed while nobody waits.
//
// Whoever takes more than `burst` gets std::invalid_argument, which names both.
class [[gnu::visibility("default")]] rate_limiter {
public:
    // Throws std::invalid_argument, which names the field and its value, if rate is not above 0, or burst is 0, or a bucket takes
    // centuries to fill.
    explicit rate_limiter(rate_limiter_options options);
    rate_limiter(const rate_limiter&) = delete;
    rate_limiter& operator=(const rate_limiter&) = delete;

    // Waits until there are n tokens, and takes them. Blocks the calling fiber or thread. A cancellation point: then it has taken none,
    // and those behind wait no longer for it.
    void acquire(std::size_t n = 1) { acquire_before(n, clock::time_point::max()); }
    // Takes n tokens if they are there and nobody waits. Never blocks.
    bool try_acquire(std::size_t n = 1);
    // As acquire, but false, and none taken, once the deadline has passed or it is this caller's turn and the tokens will not be there
    // by then. Tokens that are there are taken even if the deadline has passed.
    template <class Rep, class Period>
    bool try_acquire_for(const std::chrono::duration<Rep, Period>& duration, std::size_t n = 1) {
        return acquire_before(n, deadline_after(duration));
    }
    template <class Clock, class Duration>
    bool try_acquire_until(const std::chrono::time_point<Clock, Duration>& deadline, std::size_t n = 1) {
        return acquire_before(n, detail::deadline_at(deadline));
    }

private:
    class place;

    bool acquire_before(std::size_t n, clock::time_point deadline);
    void refuse_more_than_burst(std::size_t n) const;

    spin_lock lock_;
    detail::token_bucket bucket_;
    std::size_t in_line_ = 0;
    counting_semaphore turn_{1};
};

} // namespace weft
