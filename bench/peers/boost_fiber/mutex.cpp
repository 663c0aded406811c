// SPDX-License-Identifier: BSL-1.0
#include "peers/boost_fiber/shapes.hpp"
#include "peers/boost_fiber/workers.hpp"
#include "support/measure.hpp"

#include <vector>

#include <boost/fiber/fiber.hpp>

namespace boost_fiber {
namespace {

bench::figures sections(const bench::sizes& size, std::size_t fibers) {
    return on_workers(size.workers, [&]() -> bench::figures {
        boost::fibers::mutex lock;
        std::size_t entered = 0;
        std::vector<boost::fibers::fiber> all;
        const bench::stopwatch watch;
        for (std::size_t i = 0; i < fibers; ++i)
            all.emplace_back([&, mine = bench::share(size.count, fibers, i)] {
                for (std::size_t turn = mine.begin; turn < mine.end; ++turn) {
                    const std::lock_guard guard(lock);
                    ++entered;
                }
            });
        for (auto& fiber : all) fiber.join();
        const auto elapsed = watch.elapsed();
        bench::check(entered == size.count, "number of sections");
        return {{"ns", bench::per_operation(elapsed, size.count)}};
    });
}

} // namespace

bench::figures mutex_uncontended(const bench::sizes& size) { return sections(size, 1); }
bench::figures mutex_contended(const bench::sizes& size) { return sections(size, 100); }

} // namespace boost_fiber
