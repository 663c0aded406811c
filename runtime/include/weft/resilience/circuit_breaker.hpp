// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/waiting/spin_lock.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

namespace weft {

enum class circuit_state : unsigned char { closed, open, half_open };

struct circuit_breaker_options {
    std::size_t failures = 5;                            // in a row: opens it
    clock::duration open_for = std::chrono::seconds(30); // then half open
    std::size_t probes = 1; // half open: how many calls at a time, and how many successes close it
    // Which exceptions say that the service is ill. Empty: all. The others count as successes: it has answered.
    std::function<bool(const std::exception_ptr&)> counts_as_failure{};
};

// All but consecutive_failures since the breaker was made.
struct circuit_counts {
    std::uint64_t successes = 0;
    std::uint64_t failures = 0;
    std::uint64_t rejected = 0;
    std::uint64_t consecutive_failures = 0;
    std::uint64_t opened = 0;
};

// Thrown in place of a call.
class [[gnu::visibility("default")]] circuit_open : public std::runtime_error {
public:
    explicit circuit_open(clock::duration left);
    // How long the breaker stays open. Zero: it is half open, and all of its probes are out.
    clock::duration left() const noexcept { return left_; }

private:
    clock::duration left_;
};

namespace detail {

// What a breaker does, with the time passed in. Each change of state begins an era: how a call of an earlier one ends is counted, and
// changes nothing.
class [[gnu::visibility("default")]] circuit {
public:
    using era = std::uint64_t;

    circuit(std::size_t failures, clock::duration open_for, std::size_t probes) noexcept
        : failures_(failures),
          probes_(probes),
          open_for_(open_for) {}

    // The present era, in which the call is made; nothing: it is rejected.
    std::optional<era> admit(clock::time_point now) noexcept;
    // How an admitted call ended.
    void succeeded(era of) noexcept;
    void failed(era of, clock::time_point now) noexcept;
    void abandoned(era of) noexcept;
    void reset() noexcept;

    circuit_state state(clock::time_point now) const noexcept;
    clock::duration left(clock::time_point now) const noexcept;
    const circuit_counts& counts() const noexcept { return counts_; }

private:
    void enter(circuit_state state) noexcept;

    std::size_t failures_;
    std::size_t probes_;
    clock::duration open_for_;
    circuit_state state_ = circuit_state::closed;
    era era_ = 0;
    clock::time_point opened_at_{};
    std::size_t out_ = 0;       // probes
    std::size_t succeeded_ = 0; // of them, in this era
    circuit_counts counts_;
};

} // namespace detail

// Stops calling a service that fails. Closed, it lets calls through, until so many have failed in a row: then it is open, and rejects
// them, for a time: then it is half open, and lets a few through, which close it or open it again. Thread-safe.
class [[gnu::visibility("default")]] circuit_breaker {
public:
    circuit_breaker() : circuit_breaker(circuit_breaker_options()) {}
    // Throws std::invalid_argument, which names the field and its value, if failures or probes is 0 or open_for negative.
    explicit circuit_breaker(circuit_breaker_options options);
    circuit_breaker(const circuit_breaker&) = delete;
    circuit_breaker& operator=(const circuit_breaker&) = delete;

    // Calls f, and gives what it gives or throws what it throws; or throws circuit_open, and has not called it. Waits for nothing
    // itself. An f that ends by `cancelled` (but not timed_out) says nothing of the service: neither success nor failure.
    template <std::invocable F>
    decltype(auto) call(F&& f) {
        admission admitted(*this);
        try {
            return std::invoke(std::forward<F>(f));
        } catch (...) {
            admitted.ended_by(std::current_exception());
            throw;
        }
    }

    // Never block.
    circuit_state state() const noexcept;
    circuit_counts counts() const noexcept;
    // Closes it. Calls that are under way have no more influence. The totals stay. Never blocks.
    void reset() noexcept;

private:
    // One call that was let through; a success, unless it is told of an exception.
    class [[gnu::visibility("default")]] admission {
    public:
        explicit admission(circuit_breaker& breaker);
        ~admission();
        admission(const admission&) = delete;
        admission& operator=(const admission&) = delete;
        void ended_by(const std::exception_ptr& failure);

    private:
        enum class end : unsigned char { succeeded, failed, abandoned };
        circuit_breaker& breaker_;
        detail::circuit::era era_;
        end end_ = end::succeeded;
    };

    const std::function<bool(const std::exception_ptr&)> counts_as_failure_;
    mutable spin_lock lock_;
    detail::circuit circuit_;
};

} // namespace weft
