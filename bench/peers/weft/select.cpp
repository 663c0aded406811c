// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/channel_kind.hpp"
#include "peers/weft/shapes.hpp"
#include "support/measure.hpp"
#include "support/payload.hpp"

#include <weft/run.hpp>
#include <weft/select.hpp>

#include <optional>
#include <utility>

namespace weft_peer {
namespace {

// The channel on which a fiber sends its share of the numbers up to count.
weft::channel<int> send_share(const bench::sizes& size, std::size_t shares, std::size_t i) {
    const auto items = channel_of<int>(size.capacity);
    weft::go([items, mine = bench::share(size.count, shares, i)] {
        for (std::size_t number = mine.begin; number < mine.end; ++number)
            items.send(bench::item_of<int>(number));
    }).detach();
    return items;
}

template <std::size_t... I>
bench::figures select_among(const bench::sizes& size, std::index_sequence<I...>) {
    const auto receive_all = [&]() -> bench::figures {
        const weft::channel<int> from[] = {send_share(size, sizeof...(I), I)...};
        std::size_t sum = 0;
        const auto add = [&sum](std::optional<int> item) { sum += bench::number_of(item.value()); };
        const bench::stopwatch watch;
        for (std::size_t i = 0; i < size.count; ++i) weft::select(weft::on_recv(from[I], add)...);
        const auto elapsed = watch.elapsed();
        bench::check_item_sum(sum, size.count);
        return {{"ns", bench::per_operation(elapsed, size.count)}};
    };
    return weft::run(receive_all, {.workers = size.workers});
}

} // namespace

bench::figures select2(const bench::sizes& size) { return select_among(size, std::make_index_sequence<2>()); }
bench::figures select4(const bench::sizes& size) { return select_among(size, std::make_index_sequence<4>()); }

} // namespace weft_peer
