// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/measure.hpp"

#include <weft/run.hpp>
#include <weft/sync.hpp>

#include <mutex>
#include <vector>

namespace weft_peer {
namespace {

bench::figures sections(const bench::sizes& size, std::size_t fibers) {
    const auto enter_all = [&]() -> bench::figures {
        weft::mutex lock;
        std::size_t entered = 0;
        std::vector<weft::fiber<void>> all;
        const bench::stopwatch watch;
        for (std::size_t i = 0; i < fibers; ++i)
            all.push_back(weft::go([&, mine = bench::share(size.count, fibers, i)] {
                for (std::size_t turn = mine.begin; turn < mine.end; ++turn) {
                    const std::lock_guard guard(lock);
                    ++entered;
                }
            }));
        for (auto& fiber : all) fiber.join();
        const auto elapsed = watch.elapsed();
        bench::check(entered == size.count, "number of sections");
        return {{"ns", bench::per_operation(elapsed, size.count)}};
    };
    return weft::run(enter_all, {.workers = size.workers});
}

} // namespace

bench::figures mutex_uncontended(const bench::sizes& size) { return sections(size, 1); }
bench::figures mutex_contended(const bench::sizes& size) { return sections(size, 100); }

} // namespace weft_peer
