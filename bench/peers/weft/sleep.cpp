// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/measure.hpp"

#include <weft/run.hpp>

#include <vector>

namespace weft_peer {

bench::figures sleep(const bench::sizes& size) {
    std::vector<std::int64_t> overshoot(size.count * size.repeats);
    const auto sleeper = [&](std::size_t fiber) {
        for (std::size_t turn = 0; turn < size.repeats; ++turn) {
            const std::chrono::nanoseconds wanted =
                bench::sleep_length(size.min_us, size.max_us, fiber, turn);
            const bench::stopwatch one;
            weft::sleep(wanted);
            overshoot[fiber * size.repeats + turn] = (one.elapsed() - wanted).count();
        }
    };
    const auto sleepers = [&]() -> bench::figures {
        const auto cpu = bench::cpu_time();
        const bench::stopwatch watch;
        std::vector<weft::fiber<void>> fibers;
        fibers.reserve(size.count);
        for (std::size_t i = 0; i < size.count; ++i)
            fibers.push_back(weft::go([&sleeper, i] { sleeper(i); }));
        for (auto& fiber : fibers) fiber.join();
        const auto elapsed = watch.elapsed();
        const auto cpu_spent = bench::cpu_time() - cpu;

        const double p99 = bench::percentile(overshoot, 0.99);
        bench::check(overshoot.front() >= 0, "a sleep ended early");
        return {
            {"p99_us", p99 / 1e3},
            {"cpu_ms", bench::milliseconds(cpu_spent)},
            {"wall_ms", bench::milliseconds(elapsed)},
        };
    };
    return weft::run(sleepers, {.workers = size.workers});
}

} // namespace weft_peer
