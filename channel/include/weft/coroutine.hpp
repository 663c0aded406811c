// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/cancel_token.hpp>
#include <weft/channel.hpp>
#include <weft/detail/coroutine_promise.hpp>
#include <weft/detail/fiber_operation.hpp>
#include <weft/fiber.hpp>

#include <concepts>
#include <coroutine>
#include <functional>
#include <type_traits>
#include <utility>

// Where C++20 coroutines and fibers meet. What of weft can be awaited:
//
//     co_await f                 for a fiber<R>: joins it, and gives its result
//     co_await ch                for a channel<T> or receiver<T>: receives, std::optional<T>
//     co_await token             for a cancel_token: waits until it fires
//     co_await async(function)   calls it, and gives its result
//
// In a task<T> each is the plain blocking call, on the fiber or thread that the coroutine runs on. In a coroutine of any other type
// none of them blocks the thread: a fiber is started, as by go(), which does the call and then resumes the coroutine, on that fiber.
// There `co_await` throws stack_unavailable if it cannot be started. Either way they throw what the call throws, `cancelled` too; and
// what is awaited is to stay where it is meanwhile.
namespace weft {

// Calls function() as a fiber does: it may block. To be awaited, once.
template <class F>
    requires std::invocable<std::decay_t<F>>
auto async(F&& function) {
    return detail::fiber_operation<std::decay_t<F>>(std::forward<F>(function));
}

template <class R>
auto operator co_await(fiber<R>& joined) {
    return detail::awaited_in_fiber(detail::operation_of(joined));
}
template <class R>
auto operator co_await(fiber<R>&& joined) {
    return detail::awaited_in_fiber(detail::operation_of(joined));
}
template <class T>
auto operator co_await(const channel<T>& from) {
    return detail::awaited_in_fiber(detail::operation_of(from));
}
template <class T>
auto operator co_await(const receiver<T>& from) {
    return detail::awaited_in_fiber(detail::operation_of(from));
}
inline auto operator co_await(const cancel_token& token) {
    return detail::awaited_in_fiber(detail::operation_of(token));
}

// A coroutine that is also a function to be called once: std::move(t)() runs it to its end, on the calling fiber or thread, and
// gives its result or throws what left it. So go(std::move(t)) is a fiber of it, and when_all(std::move(a), std::move(b)) runs two.
//
//     task<int> sum(channel<int> from) {
//         int all = 0;
//         while (auto value = co_await from) all += *value;
//         co_return all;
//     }
//
// Lazy: nothing runs before the call, or before another task awaits it, `co_await sum(ch)`, which is as a call in it. Any number of
// those one after the other use no stack. T may be void or a reference. Move-only; one that was never run is destroyed without.
//
// It may await what is not weft's: if that resumes it from another thread, it goes on there, until it ends or the task that awaits
// it does; and the call parks its fiber (or blocks its thread) meanwhile. No cancellation ends that wait, as the coroutine lives on. A cancel_scope must not be
// open in it across such an await.
template <class T = void>
class [[nodiscard]] task {
public:
    using promise_type = detail::task_promise<T>;

    task(task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    task& operator=(task&& other) noexcept {
        task(std::move(other)).swap(*this);
        return *this;
    }
    ~task() {
        if (frame_ != nullptr) frame_.destroy();
    }

    // Throws std::logic_error if it was moved from or has run. A blocking call as far as the coroutine is one. What the coroutine did
    // happens before it returns.
    T operator()() && {
        const task running(take("weft::task: called, but it was moved from or has run"));
        running.frame_.promise().run(running.frame_);
        return running.frame_.promise().result();
    }

    // The same in another task. In a coroutine of another type it may block the thread: there await async(std::move(t)).
    auto operator co_await() && {
        return awaiter(take("weft::task: awaited, but it was moved from or has run"));
    }

private:
    friend promise_type;
    using handle = std::coroutine_handle<promise_type>;

    class awaiter {
    public:
        explicit awaiter(task&& awaited) noexcept : awaited_(std::move(awaited)) {}
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> by) {
            return awaited_.frame_.promise().run_for(awaited_.frame_, by);
        }
        T await_resume() { return awaited_.frame_.promise().result(); }

    private:
        task awaited_;
    };

    explicit task(handle frame) noexcept : frame_(frame) {}
    void swap(task& other) noexcept { std::swap(frame_, other.frame_); }
    task take(const char* otherwise) {
        if (frame_ == nullptr) detail::throw_no_coroutine(otherwise);
        return std::move(*this);
    }

    handle frame_;
};

namespace detail {

template <class T>
task<T> task_promise<T>::get_return_object() noexcept {
    return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
}
inline task<void> task_promise<void>::get_return_object() noexcept {
    return task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
}

} // namespace detail
} // namespace weft
