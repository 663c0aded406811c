// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/detail/task.hpp>
#include <weft/fiber_id.hpp>
#include <weft/source_location.hpp>
#include <weft/stack_error.hpp>

#include <chrono>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weft {

struct fiber_options {
    std::string_view name{};    // shown in dumps and reports; copied
    std::size_t stack_size = 0; // usable bytes; 0: what the runtime's options say
};

template <class R>
class fiber;

namespace detail {
template <class R>
fiber_control* control_of(const fiber<R>& of) noexcept;
} // namespace detail

// The handle of a fiber: move-only, may be joined once. Destroying or overwriting it detaches the fiber. A handle is used by
// one thread or fiber at a time, as a std::thread is; cancel() alone may be called from anywhere meanwhile.
template <class R>
class [[nodiscard]] fiber {
public:
    fiber() noexcept = default;
    explicit fiber(fiber_control& control) noexcept : control_(&control) {}
    fiber(fiber&& other) noexcept : control_(std::exchange(other.control_, nullptr)) {}
    fiber& operator=(fiber&& other) noexcept {
        if (this != &other) {
            if (control_ != nullptr) detail::detach(*control_);
            control_ = std::exchange(other.control_, nullptr);
        }
        return *this;
    }
    ~fiber() {
        if (control_ != nullptr) detail::detach(*control_);
    }

    // Waits until the fiber has ended, and gives its result or rethrows the exception that left it. Blocks the calling fiber,
    // or the calling thread. A cancellation point: `cancelled` leaves the handle joinable. What the fiber did happens before
    // join returns. Throws std::logic_error if the handle is not joinable, std::system_error
    // (resource_deadlock_would_occur) if a fiber joins itself; then, too, the handle is as it was.
    R join() {
        if (control_ == nullptr) detail::throw_not_joinable("join");
        detail::join(*control_);
        struct release_at_end {
            fiber_control* control;
            ~release_at_end() { detail::release(*control); }
        } end{std::exchange(control_, nullptr)};
        detail::rethrow_failure(*end.control);
        if constexpr (!std::is_void_v<R>) {
            using payload = detail::task_result<R>;
            return payload::take(*end.control);
        }
    }

    // True from go() until join, detach or a move.
    bool joinable() const noexcept { return control_ != nullptr; }

    // The id; the default one if the handle is not joinable.
    fiber_id id() const noexcept { return control_ == nullptr ? fiber_id() : detail::id_of(*control_); }

    // Lets the fiber run on by itself. An exception that leaves it, or has left it already, is then an unhandled one. Never
    // blocks. Throws std::logic_error if the handle is not joinable.
    void detach() {
        if (control_ == nullptr) detail::throw_not_joinable("detach");
        detail::detach(*std::exchange(control_, nullptr));
    }

    // Asks the fiber to end: from now on each of its blocking calls throws `cancelled`, the one it waits in included. Never
    // blocks; without effect on a fiber that has ended or a handle that is not joinable.
    void cancel() noexcept {
        if (control_ != nullptr) detail::cancel(*control_);
    }

private:
    friend fiber_control* detail::control_of<R>(const fiber& of) noexcept;
    fiber_control* control_ = nullptr;
};

namespace detail {
template <class R>
fiber_control* control_of(const fiber<R>& of) noexcept {
    return of.control_;
}
} // namespace detail

// Starts a fiber that calls f() on the calling fiber's runtime; on a plain thread, on the default runtime, which the first
// such call starts. Never blocks. The call of go happens before the call of f. Throws stack_unavailable (a std::bad_alloc) if
// no stack can be had, and what moving f throws; then nothing was started. While the runtime shuts down, the fiber starts
// cancelled.
template <class F, class R = std::invoke_result_t<std::decay_t<F>>>
fiber<R> go(F&& f, source_location where = source_location::current()) {
    return fiber<R>(detail::spawn<R>(nullptr, {.where = where}, std::forward<F>(f)));
}

// The same with a name and a stack size of its own.
template <class F, class R = std::invoke_result_t<std::decay_t<F>>>
fiber<R> go(const fiber_options& options, F&& f, source_location where = source_location::current()) {
    return fiber<R>(detail::spawn<R>(nullptr,
        {.where = where, .name = options.name, .stack_size = options.stack_size}, std::forward<F>(f)));
}

// The same with arguments, copied or moved into the fiber as std::thread's are. Reports show the caller by its address.
template <class F, class First, class... Rest>
    requires(!std::is_same_v<std::decay_t<F>, fiber_options> &&
        !std::is_same_v<std::decay_t<First>, source_location> &&
        std::is_invocable_v<std::decay_t<F>, std::decay_t<First>, std::decay_t<Rest>...>)
[[gnu::noinline]] auto go(F&& f, First&& first, Rest&&... rest) {
    using R = std::invoke_result_t<std::decay_t<F>, std::decay_t<First>, std::decay_t<Rest>...>;
    auto call = [function = std::decay_t<F>(std::forward<F>(f)),
                    arguments = std::tuple<std::decay_t<First>, std::decay_t<Rest>...>(
                        std::forward<First>(first), std::forward<Rest>(rest)...)]() mutable -> R {
        return std::apply(std::move(function), std::move(arguments));
    };
    return fiber<R>(detail::spawn<R>(nullptr,
        {.where = {}, .return_address = __builtin_extract_return_addr(__builtin_return_address(0))},
        std::move(call)));
}

// Lets the other runnable fibers go first. A cancellation point. On a plain thread: gives up the CPU.
[[gnu::visibility("default")]] void yield();

// Waits. A duration of zero or less, a time that has passed: returns at once. A cancellation point. Blocks the calling fiber
// or thread.
[[gnu::visibility("default")]] void sleep_until(clock::time_point deadline);
[[gnu::visibility("default")]] void sleep(clock::duration duration);
template <class Rep, class Period>
void sleep(std::chrono::duration<Rep, Period> duration) {
    sleep(to_clock_duration(duration));
}

namespace this_fiber {

// The default id, no name and false on a plain thread. The name is valid while the fiber lives.
[[gnu::visibility("default")]] fiber_id id() noexcept;
[[gnu::visibility("default")]] std::string_view name() noexcept;
[[gnu::visibility("default")]] bool in_fiber() noexcept;

} // namespace this_fiber
} // namespace weft
