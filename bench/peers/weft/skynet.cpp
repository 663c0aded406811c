// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/measure.hpp"

#include <weft/run.hpp>

#include <array>

namespace weft_peer {
namespace {

std::size_t node(std::size_t first, std::size_t leaves) {
    if (leaves == 1) return first;
    std::array<weft::fiber<std::size_t>, 10> children;
    for (std::size_t i = 0; i < 10; ++i)
        children[i] =
            weft::go([child = first + i * leaves / 10, leaves] { return node(child, leaves / 10); });
    std::size_t total = 0;
    for (auto& child : children) total += child.join();
    return total;
}

} // namespace

bench::figures skynet(const bench::sizes& size) {
    const auto tree = [&]() -> bench::figures {
        const bench::stopwatch watch;
        const std::size_t sum = node(0, size.count);
        const auto elapsed = watch.elapsed();
        bench::check_index_sum(sum, size.count);
        return {{"ms", bench::milliseconds(elapsed)}, {"peak_mb", bench::peak_megabytes()}};
    };
    return weft::run(tree, {.workers = size.workers});
}

} // namespace weft_peer
