// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/measure.hpp"

#include <weft/run.hpp>

#include <vector>

namespace weft_peer {
namespace {

void batch(std::size_t count) {
    std::vector<weft::fiber<std::size_t>> fibers;
    fibers.reserve(count);
    for (std::size_t i = 0; i < count; ++i) fibers.push_back(weft::go([i] { return i; }));
    std::size_t sum = 0;
    for (auto& fiber : fibers) sum += fiber.join();
    bench::check_index_sum(sum, count);
}

} // namespace

bench::figures spawn_join_batch(const bench::sizes& size) {
    const auto batches = [&]() -> bench::figures {
        batch(size.count);
        const bench::stopwatch watch;
        for (std::size_t turn = 0; turn < size.repeats; ++turn) batch(size.count);
        return {{"ns", bench::per_operation(watch.elapsed(), size.repeats * size.count)}};
    };
    return weft::run(batches, {.workers = size.workers});
}

bench::figures spawn_join_one(const bench::sizes& size) {
    const auto one_by_one = [&]() -> bench::figures {
        std::size_t sum = 0;
        const bench::stopwatch watch;
        for (std::size_t i = 0; i < size.count; ++i) sum += weft::go([i] { return i; }).join();
        const auto elapsed = watch.elapsed();
        bench::check_index_sum(sum, size.count);
        return {{"ns", bench::per_operation(elapsed, size.count)}};
    };
    return weft::run(one_by_one, {.workers = size.workers});
}

} // namespace weft_peer
