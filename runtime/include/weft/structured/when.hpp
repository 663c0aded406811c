// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/structured/outcome.hpp>
#include <weft/structured/task_group.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

// Several functions at a time, each in a fiber of its own, in the caller's scopes. Every call blocks until all of these have ended, and
// is a cancellation point: then they are cancelled, joined all the same, and `cancelled` is thrown. The functions are called where they
// are, not copied. Results: std::monostate for void.
namespace weft {

namespace detail {

template <class F>
using result_of = std::invoke_result_t<F>;

template <class R>
using stored_value = typename outcome<R>::value_type;

template <class Outcomes, class Group, class... Functions, std::size_t... Index>
void start_each(Outcomes& outcomes, Group start, std::index_sequence<Index...>, Functions&&... functions) {
    (start(std::get<Index>(outcomes), std::forward<Functions>(functions)), ...);
}

} // namespace detail

// All of them: a tuple of their results. If one throws, the others are cancelled, and its exception is rethrown.
template <class... F>
    requires(sizeof...(F) > 0 && (std::invocable<F> && ...))
std::tuple<detail::stored_value<detail::result_of<F>>...> when_all(F&&... f) {
    std::tuple<std::optional<outcome<detail::result_of<F>>>...> results;
    {
        task_group group;
        const auto start = [&group]<class Result, class Function>(Result& result, Function&& function) {
            group.go([&result, &function] {
                result.emplace(Result::value_type::of(std::forward<Function>(function)));
                static_cast<void>(std::as_const(*result).value());
            });
        };
        detail::start_each(results, start, std::index_sequence_for<F...>(), std::forward<F>(f)...);
        group.wait();
    }
    return std::apply(
        [](auto&... each) {
            return std::tuple<detail::stored_value<detail::result_of<F>>...>(std::move(*each).value()...);
        },
        results);
}

// All of them, whatever comes of each: a tuple of outcomes.
template <class... F>
    requires(sizeof...(F) > 0 && (std::invocable<F> && ...))
std::tuple<outcome<detail::result_of<F>>...> settle(F&&... f) {
    std::tuple<std::optional<outcome<detail::result_of<F>>>...> results;
    {
        task_group group;
        const auto start = [&group]<class Result, class Function>(Result& result, Function&& function) {
            group.go([&result, &function] {
                result.emplace(Result::value_type::of(std::forward<Function>(function)));
            });
        };
        detail::start_each(results, start, std::index_sequence_for<F...>(), std::forward<F>(f)...);
        group.wait();
    }
    return std::apply(
        [](auto&... each) { return std::tuple<outcome<detail::result_of<F>>...>(std::move(*each)...); },
        results);
}

// Which one was the first, and what it gave.
template <class... R>
struct first_of {
    std::size_t index = 0;
    std::variant<detail::stored_value<R>...> value;
};

// The first to end, by a result or an exception, which is rethrown. The others are cancelled and joined; what comes of them is dropped.
template <class... F>
    requires(sizeof...(F) > 0 && (std::invocable<F> && ...))
first_of<detail::result_of<F>...> when_any(F&&... f) {
    constexpr std::size_t none = sizeof...(F);
    std::tuple<std::optional<outcome<detail::result_of<F>>>...> results;
    std::atomic<std::size_t> first{none};
    {
        task_group group;
        std::size_t next = 0;
        const auto start = [&]<class Result, class Function>(Result& result, Function&& function) {
            group.go([&result, &function, &group, &first, mine = next++] {
                result.emplace(Result::value_type::of(std::forward<Function>(function)));
                std::size_t expected = none;
                if (first.compare_exchange_strong(expected, mine, std::memory_order_relaxed))
                    group.cancel("another of when_any was the first");
            });
        };
        detail::start_each(results, start, std::index_sequence_for<F...>(), std::forward<F>(f)...);
        group.wait();
    }
    const std::size_t index = first.load(std::memory_order_relaxed);
    std::optional<std::variant<detail::stored_value<detail::result_of<F>>...>> value;
    const auto take = [&]<std::size_t... Index>(std::index_sequence<Index...>) {
        ((Index == index ? static_cast<void>(value.emplace(
                               std::in_place_index<Index>, std::move(*std::get<Index>(results)).value()))
                         : void()),
            ...);
    };
    take(std::index_sequence_for<F...>());
    return {index, std::move(*value)};
}

} // namespace weft
