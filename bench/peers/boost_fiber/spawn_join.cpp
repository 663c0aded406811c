// SPDX-License-Identifier: BSL-1.0
#include "peers/boost_fiber/new_fiber.hpp"
#include "peers/boost_fiber/shapes.hpp"
#include "peers/boost_fiber/workers.hpp"
#include "support/measure.hpp"

#include <vector>

namespace boost_fiber {

bench::figures spawn_join_batch(const bench::sizes& size) {
    return on_workers(size.workers, [&]() -> bench::figures {
        std::vector<std::size_t> results(size.count);
        std::vector<boost::fibers::fiber> fibers(size.count);
        const auto batch = [&] {
            for (std::size_t i = 0; i < size.count; ++i)
                fibers[i] = new_fiber([&results, i] { results[i] = i; });
            for (boost::fibers::fiber& fiber : fibers) fiber.join();
            bench::check_index_sum(results);
            results.assign(size.count, 0);
        };
        batch();
        const bench::stopwatch watch;
        for (std::size_t turn = 0; turn < size.repeats; ++turn) batch();
        return {{"ns", bench::per_operation(watch.elapsed(), size.repeats * size.count)}};
    });
}

bench::figures spawn_join_one(const bench::sizes& size) {
    return on_workers(size.workers, [&]() -> bench::figures {
        std::vector<std::size_t> results(size.count);
        const bench::stopwatch watch;
        for (std::size_t i = 0; i < size.count; ++i) new_fiber([&results, i] { results[i] = i; }).join();
        const auto elapsed = watch.elapsed();
        bench::check_index_sum(results);
        return {{"ns", bench::per_operation(elapsed, size.count)}};
    });
}

} // namespace boost_fiber
