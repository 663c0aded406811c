// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/park.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace weft {

namespace detail {

struct nothing_to_complete {
    void operator()() const noexcept {}
};

// The phases of a barrier; see barrier.cpp.
class [[gnu::visibility("default")]] phases {
public:
    explicit phases(std::ptrdiff_t expected);

    struct arrival {
        std::uint64_t phase;
        bool last; // the phase is complete; whoever came last calls advance()
    };
    arrival arrive(std::ptrdiff_t n, bool drop);
    void advance() noexcept;
    void wait(std::uint64_t phase);

private:
    spin_lock lock_;
    std::ptrdiff_t expected_; // in the next phase
    std::ptrdiff_t missing_;  // in this one
    std::uint64_t phase_ = 0;
    wait_queue queue_;
};

} // namespace detail

// As std::barrier: lets a number of fibers and plain threads go on once all of them have arrived, phase after phase. Thread-safe.
// To be destroyed while nobody waits for it.
//
// The completion function is called by whoever arrives last, before anybody goes on; it must not throw, and may block, but is not
// cancelled. Happens before: an arrival, and the completion of its phase; the completion, and the return of every wait for it.
template <class Completion = detail::nothing_to_complete>
class barrier {
public:
    class arrival_token {
    public:
        arrival_token(arrival_token&&) noexcept = default;
        arrival_token& operator=(arrival_token&&) noexcept = default;

    private:
        friend barrier;
        explicit arrival_token(std::uint64_t phase) noexcept : phase_(phase) {}
        std::uint64_t phase_;
    };

    // Throws std::invalid_argument for a negative number.
    explicit barrier(std::ptrdiff_t expected, Completion completion = Completion())
        : phases_(expected),
          completion_(std::move(completion)) {}
    barrier(const barrier&) = delete;
    barrier& operator=(const barrier&) = delete;

    static constexpr std::ptrdiff_t max() noexcept { return std::numeric_limits<std::ptrdiff_t>::max(); }

    // Arrives n times. Does not wait for the others. Throws std::logic_error, which names the numbers, if n is not positive or more
    // than this phase still expects; then nothing has arrived.
    [[nodiscard]] arrival_token arrive(std::ptrdiff_t n = 1) { return arrival_token(arrive(n, false)); }
    // Waits until the phase is over that the token stands for. Blocks the calling fiber or thread. A cancellation point: the
    // arrival counts all the same.
    void wait(arrival_token&& token) const { phases_.wait(token.phase_); }
    // Arrives, then waits; a cancelled call has arrived.
    void arrive_and_wait() { wait(arrive()); }
    // Arrives, and is expected no more in the phases to come. Does not wait.
    void arrive_and_drop() { arrive(1, true); }

private:
    std::uint64_t arrive(std::ptrdiff_t n, bool drop) {
        const auto [phase, last] = phases_.arrive(n, drop);
        if (last) complete();
        return phase;
    }
    void complete() noexcept {
        const cancellation_shield shield;
        completion_();
        phases_.advance();
    }

    mutable detail::phases phases_;
    Completion completion_;
};

} // namespace weft
