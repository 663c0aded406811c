// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/measure.hpp"

#include <weft/run.hpp>

namespace weft_peer {

bench::figures yield(const bench::sizes& size) {
    const auto yield_times = [&size] {
        std::size_t done = 0;
        for (; done < size.count; ++done) weft::yield();
        return done;
    };
    const auto pair = [&]() -> bench::figures {
        const bench::stopwatch watch;
        auto first = weft::go(yield_times);
        auto second = weft::go(yield_times);
        const std::size_t yields = first.join() + second.join();
        const auto elapsed = watch.elapsed();
        bench::check(yields == 2 * size.count, "number of yields");
        return {{"ns", bench::per_operation(elapsed, yields)}};
    };
    return weft::run(pair, {.workers = size.workers});
}

} // namespace weft_peer
