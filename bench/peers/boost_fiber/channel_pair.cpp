// SPDX-License-Identifier: BSL-1.0
#include "peers/boost_fiber/channel_kind.hpp"
#include "peers/boost_fiber/shapes.hpp"
#include "peers/boost_fiber/workers.hpp"
#include "support/payload.hpp"

#include <boost/fiber/fiber.hpp>

namespace boost_fiber {

bench::figures chan_seq(const bench::sizes& size) {
    return on_workers(size.workers, [&] {
        return with_channel<int>(size.capacity, [&](auto& items) -> bench::figures {
            std::size_t sum = 0;
            const bench::stopwatch watch;
            for (std::size_t i = 0; i < size.count; ++i) {
                items.push(bench::item_of<int>(i));
                sum += bench::number_of(items.value_pop());
            }
            const auto elapsed = watch.elapsed();
            bench::check_item_sum(sum, size.count);
            return {{"ns", bench::per_operation(elapsed, size.count)}};
        });
    });
}

bench::figures chan_pingpong(const bench::sizes& size) {
    return on_workers(size.workers, [&]() -> bench::figures {
        boost::fibers::unbuffered_channel<int> ping, pong;
        boost::fibers::fiber other([&] {
            for (std::size_t turn = 0; turn < size.count; ++turn) pong.push(ping.value_pop());
        });
        const bench::stopwatch watch;
        for (std::size_t turn = 0; turn < size.count; ++turn) {
            ping.push(bench::item_of<int>(turn));
            bench::check(bench::number_of(pong.value_pop()) == turn, "turn that came back");
        }
        const auto elapsed = watch.elapsed();
        other.join();
        return {{"ns", bench::per_operation(elapsed, size.count)}};
    });
}

} // namespace boost_fiber
