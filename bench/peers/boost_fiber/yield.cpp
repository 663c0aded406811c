// SPDX-License-Identifier: BSL-1.0
#include "peers/boost_fiber/shapes.hpp"
#include "peers/boost_fiber/workers.hpp"
#include "support/measure.hpp"

#include <array>

#include <boost/fiber/fiber.hpp>

namespace boost_fiber {

bench::figures yield(const bench::sizes& size) {
    return on_workers(size.workers, [&]() -> bench::figures {
        std::array<std::size_t, 2> yields{};
        const auto yield_times = [&](std::size_t& result) {
            std::size_t done = 0;
            for (; done < size.count; ++done) boost::this_fiber::yield();
            result = done;
        };
        const bench::stopwatch watch;
        boost::fibers::fiber first([&] { yield_times(yields[0]); });
        boost::fibers::fiber second([&] { yield_times(yields[1]); });
        first.join();
        second.join();
        const auto elapsed = watch.elapsed();
        bench::check(yields[0] + yields[1] == 2 * size.count, "number of yields");
        return {{"ns", bench::per_operation(elapsed, 2 * size.count)}};
    });
}

} // namespace boost_fiber
