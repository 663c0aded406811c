// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/fiber.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

namespace weft {

enum class jitter : unsigned char {
    none, // the delay itself
    full  // anything from nothing to the delay: callers that failed together do not come back together
};

// How retry goes about it. After the n-th attempt it waits min(max, base * factor^(n - 1)), spread by the jitter.
struct policy {
    std::size_t attempts = 3;
    clock::duration base = std::chrono::milliseconds(100);
    double factor = 2.0;
    clock::duration max = std::chrono::seconds(60);
    weft::jitter jitter = weft::jitter::full;
    // Which failures are worth another attempt. Empty: all but `cancelled`; timed_out is.
    std::function<bool(const std::exception_ptr&)> retry_if{};
};

namespace detail {

// Throws std::invalid_argument, which names the field and its value.
[[gnu::visibility("default")]] void check_policy(const policy& how);
[[gnu::visibility("default")]] bool worth_another(const policy& how, const std::exception_ptr& failure);
// The delay after so many failures, from 1; what would be too long to count is the policy's longest.
[[gnu::visibility("default")]] clock::duration back_off(const policy& how, std::size_t failures) noexcept;
// Anything in [0, delay], as the random number says.
[[gnu::visibility("default")]] clock::duration spread(clock::duration delay, std::uint64_t random) noexcept;
// Sleeps.
[[gnu::visibility("default")]] void pause_after(const policy& how, std::size_t failures);

template <class F>
decltype(auto) attempt(F& f, std::size_t number) {
    if constexpr (std::invocable<F&, std::size_t>)
        return std::invoke(f, number);
    else
        return std::invoke(f);
}

} // namespace detail

// Calls f, with the attempt's number (from 1) if it takes one, until it returns, and gives what it returned. An exception of the last
// attempt, or one that is not worth another, goes on as it is, as does one that retry_if throws. Blocks the calling fiber or thread
// between attempts; that is a cancellation point. So a timed_out of f's own is tried again, while one of a scope around retry is
// thrown anew by the wait. Throws std::invalid_argument, which names the field and its value, if attempts is 0, a duration negative
// or factor less than 1; then f was not called.
template <class F>
    requires(std::invocable<F&> || std::invocable<F&, std::size_t>)
decltype(auto) retry(const policy& how, F&& f) {
    detail::check_policy(how);
    for (std::size_t number = 1;; ++number) {
        try {
            return detail::attempt(f, number);
        } catch (...) {
            if (number == how.attempts || !detail::worth_another(how, std::current_exception())) throw;
        }
        detail::pause_after(how, number);
    }
}

} // namespace weft
