// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/cancel_token.hpp>
#include <weft/channel.hpp>
#include <weft/fiber.hpp>
#include <weft/on_cancel.hpp>
#include <weft/select.hpp>
#include <weft/structured/outcome.hpp>

#include <coroutine>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

// What a coroutine awaits of weft, as the blocking call that it is; and the two ways to await it.
//
// awaited_here blocks: for task<T>.
//
// awaited_in_fiber makes the call in a fiber of its own, which then resumes the coroutine. It lies in the coroutine's frame, which may
// be gone as soon as that fiber has been started: await_suspend touches nothing afterwards, and is not inlined, since its variables
// might be kept in the frame. What the fiber writes here is for itself: the coroutine goes on in it.
namespace weft::detail {

template <class F>
class awaited_here {
public:
    explicit awaited_here(F call) : call_(std::move(call)) {}
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    decltype(auto) await_resume() { return std::invoke(std::move(call_)); }

private:
    F call_;
};

template <class F>
class awaited_in_fiber {
    using result = std::invoke_result_t<F>;

public:
    explicit awaited_in_fiber(F call) : call_(std::move(call)) {}
    bool await_ready() const noexcept { return false; }
    [[gnu::noinline]] void await_suspend(std::coroutine_handle<> by) {
        go([this, by] {
            outcome_.emplace(outcome<result>::of(std::move(call_)));
            by.resume();
        }).detach();
    }
    result await_resume() {
        if constexpr (std::is_void_v<result>)
            static_cast<void>(std::move(*outcome_).value());
        else
            return std::move(*outcome_).value();
    }

private:
    F call_;
    std::optional<outcome<result>> outcome_;
};

// What async() gives.
template <class F>
class fiber_operation {
public:
    explicit fiber_operation(F call) : call_(std::move(call)) {}
    auto operator co_await() && { return awaited_in_fiber<F>(std::move(call_)); }

private:
    template <class G>
    friend G operation_of(fiber_operation<G>& of);
    F call_;
};

template <class F>
F operation_of(fiber_operation<F>& of) {
    return std::move(of.call_);
}
template <class R>
auto operation_of(fiber<R>& joined) {
    return [&joined]() -> R { return joined.join(); };
}
template <class T>
auto operation_of(const channel<T>& from) {
    return [&from] { return from.recv(); };
}
template <class T>
auto operation_of(const receiver<T>& from) {
    return [&from] { return from.recv(); };
}
inline auto operation_of(const cancel_token& token) {
    return [&token] { select(on_cancel(token, [] {})); };
}

template <class A>
concept weft_awaitable = requires(std::remove_reference_t<A>& awaited) { operation_of(awaited); };

} // namespace weft::detail
