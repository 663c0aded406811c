// SPDX-License-Identifier: BSL-1.0
#include <weft/fiber.hpp>
#include <weft/resilience/rate_limiter.hpp>
#include <weft/waiting/park.hpp>

#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

// Purpose. A bucket, and a semaphore of one permit that is the turn to wait for its tokens.
//
// Who may call. Any fiber or thread. Whoever does not find its tokens at once stands in line: first for the turn, which comes in order,
// then, having it, for the time at which the tokens are there. No one else takes any meanwhile, so that this time is known. Who gives up
// passes the turn on, and has taken nothing.
//
// Locks. lock_ guards the bucket and the number in line, and is held for a few instructions.
namespace weft {

// A place in line, left with the tokens or without.
class rate_limiter::place {
public:
    explicit place(rate_limiter& of) : of_(of) {}
    ~place() {
        if (!stands_) return;
        const std::lock_guard guard(of_.lock_);
        --of_.in_line_;
    }
    place(const place&) = delete;
    place& operator=(const place&) = delete;

    // True: nobody was before us, and the tokens were there. False: we stand in line.
    bool pass_or_stand(std::size_t n) noexcept {
        const std::lock_guard guard(of_.lock_);
        if (of_.in_line_ == 0 && of_.bucket_.take(n, clock::now())) return true;
        ++of_.in_line_;
        stands_ = true;
        return false;
    }
    // With the turn. When to try again; nothing: the tokens are taken, and the place is left.
    std::optional<clock::time_point> take_or_when(std::size_t n) noexcept {
        const std::lock_guard guard(of_.lock_);
        if (!of_.bucket_.take(n, clock::now())) return of_.bucket_.ready_at(n);
        --of_.in_line_;
        stands_ = false;
        return std::nullopt;
    }

private:
    rate_limiter& of_;
    bool stands_ = false;
};

rate_limiter::rate_limiter(rate_limiter_options options)
    : bucket_(options.rate, options.burst, clock::now()) {}

bool rate_limiter::acquire_before(std::size_t n, clock::time_point deadline) {
    refuse_more_than_burst(n);
    begin_operation();
    place mine(*this);
    if (mine.pass_or_stand(n)) return true;
    if (!turn_.try_acquire_until(deadline)) return false;
    const permit turn(turn_, std::adopt_lock);
    for (;;) {
        const std::optional<clock::time_point> when = mine.take_or_when(n);
        if (!when) return true;
        if (*when > deadline) return false;
        sleep_until(*when);
    }
}

bool rate_limiter::try_acquire(std::size_t n) {
    refuse_more_than_burst(n);
    const std::lock_guard guard(lock_);
    return in_line_ == 0 && bucket_.take(n, clock::now());
}

void rate_limiter::refuse_more_than_burst(std::size_t n) const {
    if (n > bucket_.burst())
        throw std::invalid_argument("rate_limiter: " + std::to_string(n) +
            " tokens at a time, where the burst is " + std::to_string(bucket_.burst()));
}

} // namespace weft
