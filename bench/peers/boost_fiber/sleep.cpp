// SPDX-License-Identifier: BSL-1.0
#include "peers/boost_fiber/new_fiber.hpp"
#include "peers/boost_fiber/shapes.hpp"
#include "peers/boost_fiber/workers.hpp"
#include "support/measure.hpp"

#include <vector>

namespace boost_fiber {

bench::figures sleep(const bench::sizes& size) {
    return on_workers(size.workers, [&]() -> bench::figures {
        std::vector<std::int64_t> overshoot(size.count * size.repeats);
        const auto sleeper = [&](std::size_t fiber) {
            for (std::size_t turn = 0; turn < size.repeats; ++turn) {
                const std::chrono::nanoseconds wanted =
                    bench::sleep_length(size.min_us, size.max_us, fiber, turn);
                const bench::stopwatch one;
                boost::this_fiber::sleep_for(wanted);
                overshoot[fiber * size.repeats + turn] = (one.elapsed() - wanted).count();
            }
        };
        const auto cpu = bench::cpu_time();
        const bench::stopwatch watch;
        std::vector<boost::fibers::fiber> fibers;
        fibers.reserve(size.count);
        for (std::size_t i = 0; i < size.count; ++i)
            fibers.push_back(new_fiber([&sleeper, i] { sleeper(i); }));
        for (boost::fibers::fiber& fiber : fibers) fiber.join();
        const auto elapsed = watch.elapsed();
        const auto cpu_spent = bench::cpu_time() - cpu;

        const double p99 = bench::percentile(overshoot, 0.99);
        bench::check(overshoot.front() >= 0, "a sleep ended early");
        return {
            {"p99_us", p99 / 1e3},
            {"cpu_ms", bench::milliseconds(cpu_spent)},
            {"wall_ms", bench::milliseconds(elapsed)},
        };
    });
}

} // namespace boost_fiber
