// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/fiber_id.hpp>
#include <weft/source_location.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

namespace weft {

struct fiber_control;
class scheduler;

namespace detail {

// What a fiber does with the function it was given; one table a type. `payload` is the memory that holds function and result.
struct task_operations {
    void (*run)(void* payload); // calls the function, keeps its result, destroys the function; may throw
    void (*drop_function)(void* payload) noexcept; // instead of run
    void (*drop_result)(
        void* payload) noexcept; // after run returned, unless the result was taken; nullptr: nothing to do
};

[[gnu::visibility("default")]] void* payload_of(fiber_control& fiber) noexcept;
[[gnu::visibility("default")]] void result_taken(fiber_control& fiber) noexcept;

template <class R>
using stored_result = std::conditional_t<std::is_void_v<R>, char,
    std::conditional_t<std::is_reference_v<R>, std::add_pointer_t<R>, std::remove_cv_t<R>>>;

// The place of a fiber's result. It comes first in the payload, so that the handle, which knows R alone, finds it.
template <class R>
struct task_result {
    using stored = stored_result<R>;

    union {
        stored value;
    };

    task_result() noexcept {}
    ~task_result() {}

    static void drop(void* payload) noexcept {
        std::destroy_at(std::addressof(static_cast<task_result*>(payload)->value));
    }

    static R take(fiber_control& fiber) {
        auto* self = static_cast<task_result*>(payload_of(fiber));
        result_taken(fiber);
        if constexpr (std::is_reference_v<R>) {
            return static_cast<R>(*self->value);
        } else {
            struct value_end {
                task_result* of;
                ~value_end() { drop(of); }
            } end{self};
            return std::move(self->value);
        }
    }
};

// What go() was given and what becomes of it. The function is destroyed on the fiber, before anybody can join it.
template <class F, class R>
struct task_payload : task_result<R> {
    template <class G>
    explicit task_payload(G&& f) : function(std::forward<G>(f)) {}
    ~task_payload() = delete;

    union {
        F function;
    };

    static void run(void* payload) {
        auto* self = static_cast<task_payload*>(payload);
        struct function_end {
            task_payload* of;
            ~function_end() { drop_function(of); }
        } end{self};
        if constexpr (std::is_void_v<R>) {
            std::invoke(std::move(self->function));
        } else if constexpr (std::is_reference_v<R>) {
            self->value = std::addressof(std::invoke(std::move(self->function)));
        } else {
            ::new (static_cast<void*>(std::addressof(self->value)))
                stored_result<R>(std::invoke(std::move(self->function)));
        }
    }
    static void drop_function(void* payload) noexcept {
        std::destroy_at(std::addressof(static_cast<task_payload*>(payload)->function));
    }
    static constexpr task_operations operations{&run, &drop_function,
        std::is_trivially_destructible_v<stored_result<R>> ? nullptr : &task_result<R>::drop};
};

struct spawn_request {
    source_location where;
    const void* return_address = nullptr;
    std::string_view name{};
    std::size_t stack_size = 0;
    const task_operations* operations = nullptr;
    std::size_t payload_size = 0;
    std::size_t payload_alignment = 0;
};

// Takes everything a new fiber needs - control block, stack, memory for its payload - and publishes nothing.
// home nullptr: the calling fiber's scheduler, on a plain thread the default runtime's. Throws stack_unavailable, bad_alloc.
[[gnu::visibility("default")]] fiber_control& new_fiber(scheduler* home, const spawn_request& request);
// Gives a fiber back whose payload could not be built.
[[gnu::visibility("default")]] void discard(fiber_control& fiber) noexcept;
// Publishes it: from now on it may run. Its handle holds one reference.
[[gnu::visibility("default")]] void start(fiber_control& fiber) noexcept;

// Waits for the end.
[[gnu::visibility("default")]] void join(fiber_control& fiber);
// Of an ended fiber: throws the exception that left it, if one did.
[[gnu::visibility("default")]] void rethrow_failure(fiber_control& fiber);
// Gives the handle's reference up: after a join; without one.
[[gnu::visibility("default")]] void release(fiber_control& fiber) noexcept;
[[gnu::visibility("default")]] void detach(fiber_control& fiber) noexcept;
[[gnu::visibility("default")]] void cancel(fiber_control& fiber) noexcept;
[[gnu::visibility("default")]] fiber_id id_of(const fiber_control& fiber) noexcept;
[[noreturn, gnu::visibility("default")]] void throw_not_joinable(const char* operation);

// Gives a fiber back that was made and never started.
[[gnu::visibility("default")]] void discard_unstarted(fiber_control& fiber) noexcept;

// A fiber that is made and not yet published.
template <class R, class F>
fiber_control& prepare(scheduler* home, spawn_request request, F&& f) {
    using payload = task_payload<std::decay_t<F>, R>;
    request.operations = &payload::operations;
    request.payload_size = sizeof(payload);
    request.payload_alignment = alignof(payload);
    fiber_control& fiber = new_fiber(home, request);
    if constexpr (std::is_nothrow_constructible_v<std::decay_t<F>, F&&>) {
        ::new (payload_of(fiber)) payload(std::forward<F>(f));
    } else {
        try {
            ::new (payload_of(fiber)) payload(std::forward<F>(f));
        } catch (...) {
            discard(fiber);
            throw;
        }
    }
    return fiber;
}

template <class R, class F>
fiber_control& spawn(scheduler* home, const spawn_request& request, F&& f) {
    fiber_control& fiber = prepare<R>(home, request, std::forward<F>(f));
    start(fiber);
    return fiber;
}

} // namespace detail
} // namespace weft
