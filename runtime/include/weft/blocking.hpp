// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/fiber.hpp>
#include <weft/structured/outcome.hpp>
#include <weft/waiting/counted.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <concepts>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace weft {

namespace detail {

// A call that a helper thread makes for a fiber. Protocol: blocking/blocking_pool.cpp.
class [[gnu::visibility("default")]] blocking_call : public counted {
public:
    // On the calling fiber: hands it over and waits for its end. Throws `cancelled`, and std::system_error if there is no thread.
    void wait();

    // By the helper thread.
    void perform() noexcept;

protected:
    blocking_call() = default;
    ~blocking_call() override = default;

private:
    virtual void call() noexcept = 0;

    spin_lock lock_;
    bool ended_ = false;
    wait_queue waiting_;
};

template <class F>
class blocking_call_of final : public blocking_call {
public:
    using result = std::invoke_result_t<F>;

    template <class G>
    explicit blocking_call_of(G&& function) : function_(std::in_place, std::forward<G>(function)) {}

    result take() {
        // NOLINTBEGIN(bugprone-unchecked-optional-access): the call has ended
        if constexpr (std::is_void_v<result>)
            outcome_->value();
        else
            return std::move(*outcome_).value();
        // NOLINTEND(bugprone-unchecked-optional-access)
    }

private:
    void call() noexcept override {
        // NOLINTNEXTLINE(bugprone-unchecked-optional-access): called once
        outcome_.emplace(outcome<result>::of(std::move(*function_)));
        function_.reset();
    }

    std::optional<F> function_;
    std::optional<outcome<result>> outcome_;
};

} // namespace detail

// Calls f() on a helper thread and gives its result or rethrows what it threw, while the calling fiber is parked: for calls that block
// their thread or compute for long. On a thread that is not a worker's it simply calls f().
//
// At most options::max_blocking_threads calls run at a time, further ones begin in the order in which they came. A cancellation point:
// then, if f has not begun, it never will; if it has, it runs on by itself, and what comes of it is dropped: so what it uses must outlive
// it, or belong to it. f is moved or copied in, and destroyed on the helper thread, or without having been called. Throws
// std::system_error if there is no thread and none can be had. The call happens before f(), and f() before the return.
template <class F>
    requires std::invocable<std::decay_t<F>>
std::invoke_result_t<std::decay_t<F>> blocking(F&& f) {
    if (!this_fiber::in_fiber()) return std::invoke(std::decay_t<F>(std::forward<F>(f)));
    const counted_ref call(new detail::blocking_call_of<std::decay_t<F>>(std::forward<F>(f)));
    call->wait();
    return call->take();
}

} // namespace weft
