// SPDX-License-Identifier: BSL-1.0
#include "peers/bare/shapes.hpp"
#include "support/measure.hpp"

#include <mutex>
#include <thread>
#include <vector>

namespace bare {
namespace {

bench::figures sections(std::size_t count, std::size_t threads) {
    std::mutex lock;
    std::size_t entered = 0;
    std::vector<std::thread> all;
    const bench::stopwatch watch;
    for (std::size_t i = 0; i < threads; ++i)
        all.emplace_back([&, mine = bench::share(count, threads, i)] {
            for (std::size_t turn = mine.begin; turn < mine.end; ++turn) {
                const std::lock_guard guard(lock);
                ++entered;
            }
        });
    for (std::thread& thread : all) thread.join();
    const auto elapsed = watch.elapsed();
    bench::check(entered == count, "number of sections");
    return {{"ns", bench::per_operation(elapsed, count)}};
}

} // namespace

bench::figures mutex_uncontended(const bench::sizes& size) { return sections(size.count, 1); }
bench::figures mutex_contended(const bench::sizes& size) { return sections(size.count, 100); }

} // namespace bare
