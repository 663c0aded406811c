// SPDX-License-Identifier: BSL-1.0
#include "peers/boost_fiber/new_fiber.hpp"
#include "peers/boost_fiber/shapes.hpp"
#include "peers/boost_fiber/workers.hpp"
#include "support/measure.hpp"

#include <array>

namespace boost_fiber {
namespace {

std::size_t node(std::size_t first, std::size_t leaves) {
    if (leaves == 1) return first;
    std::array<std::size_t, 10> sums{};
    std::array<boost::fibers::fiber, 10> children;
    for (std::size_t i = 0; i < 10; ++i)
        children[i] =
            new_fiber([&sums, i, first, leaves] { sums[i] = node(first + i * leaves / 10, leaves / 10); });
    std::size_t total = 0;
    for (std::size_t i = 0; i < 10; ++i) {
        children[i].join();
        total += sums[i];
    }
    return total;
}

} // namespace

bench::figures skynet(const bench::sizes& size) {
    return on_workers(size.workers, [&]() -> bench::figures {
        const bench::stopwatch watch;
        const std::size_t sum = node(0, size.count);
        const auto elapsed = watch.elapsed();
        bench::check_index_sum(sum, size.count);
        return {{"ms", bench::milliseconds(elapsed)}, {"peak_mb", bench::peak_megabytes()}};
    });
}

} // namespace boost_fiber
