// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/channel.hpp>
#include <weft/detail/channel_case.hpp>
#include <weft/detail/select_engine.hpp>
#include <weft/on_join.hpp>
#include <weft/waiting/source.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

// One select for everything that can be waited for: exactly one of its cases happens, and its handler is called.
//
// If several are ready, one of them is chosen, each with the same probability. If none is, it waits for the first that becomes
// so; a case on_timeout ends the wait, and with a case `otherwise` there is none: it happens if no other case was ready, all of
// them at one instant. Cases on nil channels never happen; a select of none waits for ever. A case may appear twice.
//
// Blocks the calling fiber or thread, unless there is an `otherwise`; a cancellation point then: it throws `cancelled`, and no
// case has happened. A case of on_send on a closed channel is ready and throws channel_closed. No memory is allocated. The work
// grows as the number of cases (and its logarithm, beyond 16). Handlers are called after all is done, holding nothing: they may
// block, select, and throw. Happens before: as the operation of the case that happened.
namespace weft {

namespace detail {

template <class Handle>
concept receiving_handle = requires { typename Handle::value_type; } &&
    std::derived_from<Handle, channel_receiving<Handle, typename Handle::value_type>>;

template <class Handle>
concept sending_handle = requires { typename Handle::value_type; } &&
    std::derived_from<Handle, channel_sending<Handle, typename Handle::value_type>>;

template <class Handler>
struct timeout_case {
    using result = std::invoke_result_t<Handler&>;
    clock::duration after{};
    clock::time_point at{};
    bool relative = false;
    Handler handler;

    clock::time_point deadline() const noexcept { return relative ? deadline_after(after) : at; }
    result run() { return std::invoke(handler); }
};

template <class Handler>
struct otherwise_case {
    using result = std::invoke_result_t<Handler&>;
    Handler handler;

    result run() { return std::invoke(handler); }
};

template <class>
inline constexpr bool is_timeout = false;
template <class Handler>
inline constexpr bool is_timeout<timeout_case<Handler>> = true;
template <class>
inline constexpr bool is_otherwise = false;
template <class Handler>
inline constexpr bool is_otherwise<otherwise_case<Handler>> = true;

} // namespace detail

// What select accepts: the cases below, and whatever other headers make of a source.
template <class Case>
concept select_case =
    (std::derived_from<Case, source> || detail::is_timeout<Case> || detail::is_otherwise<Case>) &&
    requires(Case one) {
        typename Case::result;
        { one.run() } -> std::same_as<typename Case::result>;
    };

// handler(std::optional<T>): a value was received, or nullopt: the channel is closed and drained.
template <class Channel, class Handler>
    requires detail::receiving_handle<std::remove_cvref_t<Channel>>
auto on_recv(Channel&& from, Handler handler) {
    using T = typename std::remove_cvref_t<Channel>::value_type;
    return detail::recv_case<T, Handler>(std::forward<Channel>(from), std::move(handler));
}

// handler(): the value was sent. Takes the value by reference, and moves from it if and only if it was sent; of a const one, or
// one of another type, it sends a copy.
template <class Channel, class Value, class Handler>
    requires detail::sending_handle<std::remove_cvref_t<Channel>>
auto on_send(Channel&& to, Value&& value, Handler handler) {
    using T = typename std::remove_cvref_t<Channel>::value_type;
    constexpr bool by_reference = std::is_same_v<std::remove_reference_t<Value>, T>;
    using kept = std::conditional_t<by_reference, T&, T>;
    return detail::send_case<T, kept, Handler>(std::forward<Channel>(to), value, std::move(handler));
}

// handler(): so much time passed, or the time came, and no other case was ready before. Counted from the call of select.
template <class Rep, class Period, class Handler>
auto on_timeout(std::chrono::duration<Rep, Period> duration, Handler handler) {
    return detail::timeout_case<Handler>{to_clock_duration(duration), {}, true, std::move(handler)};
}
template <class Handler>
auto on_timeout(clock::time_point time, Handler handler) {
    return detail::timeout_case<Handler>{{}, time, false, std::move(handler)};
}

// handler(): no other case was ready.
template <class Handler>
auto otherwise(Handler handler) {
    return detail::otherwise_case<Handler>{std::move(handler)};
}

namespace detail {

template <class... Results>
struct common_result {
    static_assert(
        (!std::is_void_v<Results> && ...), "the handlers of a select all give a result, or none does");
    using type = std::common_type_t<Results...>;
};
template <class... Results>
    requires(std::is_void_v<Results> && ...)
struct common_result<Results...> {
    using type = void;
};

template <class Result, class First, class... Rest>
Result run_case(unsigned index, First& first, Rest&... rest) {
    if constexpr (sizeof...(Rest) == 0) {
        return static_cast<Result>(first.run());
    } else {
        if (index == 0) return static_cast<Result>(first.run());
        return run_case<Result>(index - 1, rest...);
    }
}

template <class Case>
source* source_of(Case& one) noexcept {
    if constexpr (std::derived_from<Case, source>)
        return &one;
    else
        return nullptr;
}

// The earliest deadline of the cases on_timeout, and which one has it.
struct earliest {
    clock::time_point deadline = clock::time_point::max();
    unsigned index = 0;
    bool none = true;

    template <class Case>
    void consider(const Case& one, unsigned at) noexcept {
        if constexpr (is_timeout<Case>) {
            const clock::time_point when = one.deadline();
            if (!none && when >= deadline) return;
            *this = {when, at, false};
        }
    }
};

template <class... Cases>
auto select_among(bool first_in_order, Cases&... cases) {
    constexpr std::size_t count = sizeof...(Cases);
    constexpr unsigned waiting_not = (0U + ... + (is_otherwise<Cases> ? 1U : 0U));
    static_assert(waiting_not <= 1, "a select has at most one case `otherwise`");
    using result = typename common_result<typename Cases::result...>::type;

    earliest timeout;
    unsigned otherwise_at = 0;
    unsigned at = 0;
    ((timeout.consider(cases, at), otherwise_at = is_otherwise<Cases> ? at : otherwise_at, ++at), ...);
    const std::array<source*, count> sources{source_of(cases)...};
    std::array<std::uint16_t, 2 * count> order;
    unsigned chosen = select_one({sources, order, first_in_order, waiting_not == 0, timeout.deadline});
    if (chosen == nothing_ready) chosen = otherwise_at;
    if (chosen == deadline_passed) chosen = timeout.index;
    return run_case<result>(chosen, cases...);
}

} // namespace detail

// Gives what the handler gave that was called: the handlers' common type, or nothing if none of them gives anything.
template <select_case... Cases>
    requires(sizeof...(Cases) > 0)
auto select(Cases&&... cases) {
    return detail::select_among(false, cases...);
}
// The same, but if several cases are ready, the first of them in the order written happens.
template <select_case... Cases>
    requires(sizeof...(Cases) > 0)
auto select_biased(Cases&&... cases) {
    return detail::select_among(true, cases...);
}
// Waits for ever, as Go's `select {}`.
[[noreturn, gnu::visibility("default")]] void select();

} // namespace weft
