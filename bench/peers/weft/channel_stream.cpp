// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/channel_kind.hpp"
#include "peers/weft/shapes.hpp"
#include "support/measure.hpp"
#include "support/payload.hpp"

#include <weft/run.hpp>

#include <vector>

namespace weft_peer {
namespace {

template <class T>
std::size_t add_up(const weft::channel<T>& items) {
    std::size_t sum = 0;
    while (const auto item = items.recv()) sum += bench::number_of(*item);
    return sum;
}

// Sends the numbers up to count, each once.
template <class T>
bench::figures stream_of(const bench::sizes& size, std::size_t senders, std::size_t receivers) {
    const auto items = channel_of<T>(size.capacity);
    std::vector<weft::fiber<std::size_t>> receiving;
    std::vector<weft::fiber<void>> sending;
    const bench::stopwatch watch;
    for (std::size_t i = 0; i < receivers; ++i)
        receiving.push_back(weft::go([items] { return add_up(items); }));
    for (std::size_t i = 0; i < senders; ++i)
        sending.push_back(weft::go([items, mine = bench::share(size.count, senders, i)] {
            for (std::size_t number = mine.begin; number < mine.end; ++number)
                items.send(bench::item_of<T>(number));
        }));
    for (auto& fiber : sending) fiber.join();
    items.close();
    std::size_t sum = 0;
    for (auto& fiber : receiving) sum += fiber.join();
    const auto elapsed = watch.elapsed();
    bench::check_item_sum(sum, size.count);
    return {{"ns", bench::per_operation(elapsed, size.count)}};
}

bench::figures stream(const bench::sizes& size, std::size_t senders, std::size_t receivers) {
    const auto through_channel = [&] {
        return bench::with_payload(size.payload,
            [&]<class T>(std::type_identity<T>) { return stream_of<T>(size, senders, receivers); });
    };
    return weft::run(through_channel, {.workers = size.workers});
}

} // namespace

bench::figures chan_spsc(const bench::sizes& size) { return stream(size, 1, 1); }
bench::figures chan_mpsc(const bench::sizes& size) { return stream(size, 4, 1); }
bench::figures chan_mpmc(const bench::sizes& size) { return stream(size, 4, 4); }

} // namespace weft_peer
