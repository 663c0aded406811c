// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/detail/fiber_operation.hpp>
#include <weft/sync/latch.hpp>
#include <weft/waiting/park.hpp>

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

// The promise of a task<T>: how a coroutine and whoever waits for its end find each other.
//
// Purpose. The waiter - an awaiting coroutine, or the call of a task - resumes the coroutine, which either ends within that resume, and
// the waiter goes on without having been suspended; or it is suspended in somebody's awaitable, and ends later, on another thread
// perhaps, and then resumes or wakes the waiter. So a loop of awaits is a loop of calls, and its stack does not grow, without the
// compiler's help.
//
// Who may call. run, run_for: the waiter, once. finish: the coroutine at its final suspend.
//
// state_   running, then whichever comes first of
//   waited   the waiter gave up the thread: who ends resumes or wakes it
//   ended    the coroutine ended: the waiter goes on by itself
// [E1] Both are exchanges that acquire and release, so the second finds the first: the result, and the waiter's suspended frame.
//
// Memory. The waiter owns the frame. Whoever is first at the exchange touches neither frame afterwards; run_for and finish are not
// inlined, since a coroutine's frame may be given variables of what is inlined into it.
namespace weft {

template <class T>
class task;

namespace detail {

[[noreturn]] inline void throw_no_coroutine(const char* words) { throw std::logic_error(words); }

class task_promise_base {
public:
    std::suspend_always initial_suspend() const noexcept { return {}; }

    struct final_awaiter {
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        [[gnu::noinline]] void await_suspend(std::coroutine_handle<Promise> of) const noexcept {
            static_cast<task_promise_base&>(of.promise()).finish();
        }
        void await_resume() const noexcept {}
    };
    final_awaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { failure_ = std::current_exception(); }

    template <class A>
    decltype(auto) await_transform(A&& awaited) {
        if constexpr (weft_awaitable<A>)
            return awaited_here(operation_of(awaited));
        else
            return static_cast<A&&>(awaited);
    }

    // Returns when the coroutine has ended.
    void run(std::coroutine_handle<> frame) {
        latch ended(1);
        to_wake_ = &ended;
        frame.resume();
        if (state_.exchange(state::waited, std::memory_order_acq_rel) == state::ended) return; // [E1]
        const cancellation_shield shield;
        ended.wait();
    }
    // False: it has ended.
    [[gnu::noinline]] bool run_for(std::coroutine_handle<> frame, std::coroutine_handle<> waiter) {
        to_resume_ = waiter;
        frame.resume();
        return state_.exchange(state::waited, std::memory_order_acq_rel) != state::ended; // [E1]
    }

protected:
    void rethrow_failure() const {
        if (failure_ != nullptr) std::rethrow_exception(failure_);
    }

private:
    enum class state : std::uint8_t { running, waited, ended };

    void finish() noexcept {
        const std::coroutine_handle<> waiter = to_resume_;
        latch* const sleeper = to_wake_;
        if (state_.exchange(state::ended, std::memory_order_acq_rel) != state::waited) return; // [E1]
        if (waiter != nullptr)
            waiter.resume();
        else
            sleeper->count_down();
    }

    std::atomic<state> state_{state::running};
    std::coroutine_handle<> to_resume_;
    latch* to_wake_ = nullptr;
    std::exception_ptr failure_;
};

template <class T>
class task_promise final : public task_promise_base {
    using stored =
        std::conditional_t<std::is_reference_v<T>, std::reference_wrapper<std::remove_reference_t<T>>, T>;

public:
    task<T> get_return_object() noexcept;
    template <class From>
        requires std::is_constructible_v<T, From&&>
    void return_value(From&& value) {
        if constexpr (std::is_reference_v<T>) {
            T bound = static_cast<From&&>(value);
            value_.emplace(bound);
        } else {
            value_.emplace(std::forward<From>(value));
        }
    }
    T result() {
        rethrow_failure();
        if constexpr (std::is_reference_v<T>)
            return static_cast<T>(value_->get());
        else
            // NOLINTNEXTLINE(bugprone-unchecked-optional-access): it has ended without a failure
            return std::move(*value_);
    }

private:
    std::optional<stored> value_;
};

template <>
class task_promise<void> final : public task_promise_base {
public:
    task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void result() const { rethrow_failure(); }
};

} // namespace detail
} // namespace weft
