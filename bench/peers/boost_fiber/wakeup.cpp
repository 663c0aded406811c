// SPDX-License-Identifier: BSL-1.0
#include "peers/boost_fiber/shapes.hpp"
#include "peers/boost_fiber/workers.hpp"
#include "support/measure.hpp"

#include <boost/fiber/fiber.hpp>
#include <boost/fiber/unbuffered_channel.hpp>

namespace boost_fiber {

// Its cheapest published way to park one fiber and wake another: a condition variable takes longer.
bench::figures wakeup(const bench::sizes& size) {
    return on_workers(size.workers, [&]() -> bench::figures {
        boost::fibers::unbuffered_channel<std::size_t> ping, pong;
        boost::fibers::fiber other([&] {
            for (std::size_t turn = 0; turn < size.count; ++turn) pong.push(ping.value_pop());
        });
        const bench::stopwatch watch;
        for (std::size_t turn = 0; turn < size.count; ++turn) {
            ping.push(turn);
            bench::check(pong.value_pop() == turn, "turn that came back");
        }
        const auto elapsed = watch.elapsed();
        other.join();
        return {{"ns", bench::per_operation(elapsed, 2 * size.count)}};
    });
}

} // namespace boost_fiber
