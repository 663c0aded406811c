// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/measure.hpp"

#include <weft/channel.hpp>
#include <weft/run.hpp>

namespace weft_peer {
namespace {

using sums = weft::channel<std::size_t>;

void send_node(std::size_t first, std::size_t leaves, const sums& result) {
    if (leaves == 1) {
        result.send(first);
        return;
    }
    const sums children(0);
    for (std::size_t i = 0; i < 10; ++i)
        weft::go([child = first + i * leaves / 10, leaves, children] {
            send_node(child, leaves / 10, children);
        }).detach();
    std::size_t total = 0;
    for (std::size_t i = 0; i < 10; ++i) total += children.recv().value();
    result.send(total);
}

} // namespace

bench::figures skynet_channels(const bench::sizes& size) {
    const auto tree = [&]() -> bench::figures {
        const bench::stopwatch watch;
        const sums result(0);
        weft::go([leaves = size.count, result] { send_node(0, leaves, result); }).detach();
        const std::size_t sum = result.recv().value();
        const auto elapsed = watch.elapsed();
        bench::check_item_sum(sum, size.count);
        return {{"ms", bench::milliseconds(elapsed)}, {"peak_mb", bench::peak_megabytes()}};
    };
    return weft::run(tree, {.workers = size.workers});
}

} // namespace weft_peer
