// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/structured/task_group.hpp>
#include <weft/sync/mutex.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

namespace detail {

// The elements of a range, given to one fiber after the other. Those of a range that can be walked once are moved out, those of any
// other are given by reference.
template <class Range>
class shared_range {
public:
    static constexpr bool by_reference = std::ranges::forward_range<Range>;
    using item =
        std::conditional_t<by_reference, std::ranges::iterator_t<Range>, std::ranges::range_value_t<Range>>;

    explicit shared_range(Range& of) : at_(std::ranges::begin(of)), end_(std::ranges::end(of)) {}

    // With each, under the lock: taken(), whose result goes with the element.
    template <class Taken>
    auto next(Taken taken) -> std::optional<std::pair<item, std::invoke_result_t<Taken>>> {
        const std::lock_guard guard(lock_);
        if (at_ == end_) return std::nullopt;
        if constexpr (by_reference) {
            item element = at_;
            ++at_;
            return std::pair<item, std::invoke_result_t<Taken>>(std::move(element), taken());
        } else {
            std::pair<item, std::invoke_result_t<Taken>> element(std::ranges::iter_move(at_), taken());
            ++at_;
            return element;
        }
    }
    static decltype(auto) element(item& of) noexcept {
        if constexpr (by_reference)
            return *of;
        else
            return std::move(of);
    }
    using element_type = decltype(element(std::declval<item&>()));

private:
    mutex lock_;
    std::ranges::iterator_t<Range> at_;
    std::ranges::sentinel_t<Range> end_;
};

// Calls each(element, taken's result) for all of them, on so many fibers at a time; 0: on one for each.
template <class Range, class Taken, class Each>
void for_all(Range& range, std::size_t limit, Taken taken, Each each) {
    shared_range<Range> elements(range);
    task_group group;
    const cancel_token stop = group.token();
    if (limit == 0) {
        while (auto next = elements.next(taken))
            group.go([&each, element = std::move(*next)]() mutable {
                each(shared_range<Range>::element(element.first), element.second);
            });
    } else {
        if constexpr (std::ranges::sized_range<Range>)
            limit = std::min<std::size_t>(limit, std::ranges::size(range));
        for (std::size_t i = 0; i < limit; ++i)
            group.go([&] {
                while (!stop.stop_requested()) {
                    auto next = elements.next(taken);
                    if (!next) return;
                    each(shared_range<Range>::element(next->first), next->second);
                }
            });
    }
    group.wait();
}

} // namespace detail

// Calls f(element) for each element, `limit` of them at a time (0: all at once), each in a fiber; waits for all. If one throws, the
// others are cancelled, no further ones begin, and its exception is rethrown. A cancellation point, as task_group::wait. The range is
// walked by one at a time; f is shared.
template <std::ranges::input_range Range, class F>
void parallel_for(Range&& range, std::size_t limit, F f) {
    using elements = detail::shared_range<std::remove_reference_t<Range>>;
    detail::for_all(
        range, limit, [] { return 0; },
        [&f](typename elements::element_type element, int) {
            std::invoke(f, std::forward<typename elements::element_type>(element));
        });
}

// The same; gives the results in the order of the elements.
template <std::ranges::input_range Range, class F>
auto parallel_map(Range&& range, std::size_t limit, F f) {
    using elements = detail::shared_range<std::remove_reference_t<Range>>;
    using element = typename elements::element_type;
    using result = std::remove_cvref_t<std::invoke_result_t<F&, element>>;
    std::deque<std::optional<result>> results;
    detail::for_all(
        range, limit, [&results] { return &results.emplace_back(); },
        [&f](element each, std::optional<result>* place) {
            place->emplace(std::invoke(f, std::forward<element>(each)));
        });
    std::vector<result> in_order;
    in_order.reserve(results.size());
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): none has failed
    for (std::optional<result>& each : results) in_order.push_back(std::move(*each));
    return in_order;
}

} // namespace weft
