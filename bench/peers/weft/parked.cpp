// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/gate.hpp"
#include "support/measure.hpp"

#include <weft/run.hpp>

#include <atomic>
#include <vector>

namespace weft_peer {

bench::figures parked(const bench::sizes& size) {
    const auto all = [&]() -> bench::figures {
        bench::gate all_wait;
        std::atomic<std::size_t> waiting{0};
        std::atomic<std::size_t> woken{0};
        std::vector<weft::fiber<void>> fibers;
        fibers.reserve(size.count);

        const double resident_before = bench::resident_bytes();
        const bench::stopwatch creation;
        for (std::size_t i = 0; i < size.count; ++i)
            fibers.push_back(weft::go([&] {
                waiting.fetch_add(1, std::memory_order_relaxed);
                all_wait.pass();
                woken.fetch_add(1, std::memory_order_relaxed);
            }));
        while (waiting.load(std::memory_order_relaxed) != size.count) weft::yield();
        const auto created = creation.elapsed();
        const double resident = bench::resident_bytes() - resident_before;

        const bench::stopwatch waking;
        for (std::size_t i = 0; i < size.count; ++i) all_wait.open_for_one();
        for (auto& fiber : fibers) fiber.join();
        const auto wake = waking.elapsed();
        bench::check(woken.load() == size.count, "number woken");
        return {
            {"bytes", resident / static_cast<double>(size.count)},
            {"create_ns", bench::per_operation(created, size.count)},
            {"wake_ns", bench::per_operation(wake, size.count)},
        };
    };
    return weft::run(all, {.workers = size.workers});
}

} // namespace weft_peer
