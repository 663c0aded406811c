// SPDX-License-Identifier: BSL-1.0
#include "peers/bare/shapes.hpp"
#include "support/measure.hpp"

#include <thread>
#include <vector>

namespace bare {

bench::figures spawn_join_batch(const bench::sizes& size) {
    std::vector<std::size_t> results(size.count);
    std::vector<std::thread> threads(size.count);
    const auto batch = [&] {
        for (std::size_t i = 0; i < size.count; ++i)
            threads[i] = std::thread([&results, i] { results[i] = i; });
        for (std::thread& thread : threads) thread.join();
        bench::check_index_sum(results);
        results.assign(size.count, 0);
    };
    batch();
    const bench::stopwatch watch;
    for (std::size_t turn = 0; turn < size.repeats; ++turn) batch();
    return {{"ns", bench::per_operation(watch.elapsed(), size.repeats * size.count)}};
}

bench::figures spawn_join_one(const bench::sizes& size) {
    std::vector<std::size_t> results(size.count);
    const bench::stopwatch watch;
    for (std::size_t i = 0; i < size.count; ++i) std::thread([&results, i] { results[i] = i; }).join();
    const auto elapsed = watch.elapsed();
    bench::check_index_sum(results);
    return {{"ns", bench::per_operation(elapsed, size.count)}};
}

} // namespace bare
