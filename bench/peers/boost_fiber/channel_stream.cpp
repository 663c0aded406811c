// SPDX-License-Identifier: BSL-1.0
#include "peers/boost_fiber/channel_kind.hpp"
#include "peers/boost_fiber/shapes.hpp"
#include "peers/boost_fiber/workers.hpp"
#include "support/payload.hpp"

#include <numeric>
#include <vector>

#include <boost/fiber/fiber.hpp>

namespace boost_fiber {
namespace {

// Sends the numbers up to count, each once.
template <class T, class Channel>
bench::figures stream_over(Channel& items, std::size_t count, std::size_t senders, std::size_t receivers) {
    std::vector<boost::fibers::fiber> sending, receiving;
    std::vector<std::size_t> sums(receivers);
    const bench::stopwatch watch;
    for (std::size_t& sum : sums)
        receiving.emplace_back([&items, &sum] {
            std::size_t mine = 0;
            for (T item{}; items.pop(item) == boost::fibers::channel_op_status::success;)
                mine += bench::number_of(item);
            sum = mine;
        });
    for (std::size_t i = 0; i < senders; ++i)
        sending.emplace_back([&items, count, senders, i] {
            const bench::share mine(count, senders, i);
            for (std::size_t number = mine.begin; number < mine.end; ++number)
                items.push(bench::item_of<T>(number));
        });
    for (auto& fiber : sending) fiber.join();
    items.close();
    for (auto& fiber : receiving) fiber.join();
    const auto elapsed = watch.elapsed();
    bench::check_item_sum(std::accumulate(sums.begin(), sums.end(), std::size_t{0}), count);
    return {{"ns", bench::per_operation(elapsed, count)}};
}

bench::figures stream(const bench::sizes& size, std::size_t senders, std::size_t receivers) {
    return on_workers(size.workers, [&] {
        return bench::with_payload(size.payload, [&]<class T>(std::type_identity<T>) {
            return with_channel<T>(size.capacity,
                [&](auto& items) { return stream_over<T>(items, size.count, senders, receivers); });
        });
    });
}

} // namespace

bench::figures chan_spsc(const bench::sizes& size) { return stream(size, 1, 1); }
bench::figures chan_mpsc(const bench::sizes& size) { return stream(size, 4, 1); }
bench::figures chan_mpmc(const bench::sizes& size) { return stream(size, 4, 4); }

} // namespace boost_fiber
