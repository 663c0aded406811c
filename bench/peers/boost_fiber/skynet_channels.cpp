// SPDX-License-Identifier: BSL-1.0
#include "peers/boost_fiber/new_fiber.hpp"
#include "peers/boost_fiber/shapes.hpp"
#include "peers/boost_fiber/workers.hpp"
#include "support/measure.hpp"

#include <memory>
#include <utility>

#include <boost/fiber/unbuffered_channel.hpp>

namespace boost_fiber {
namespace {

using sums = boost::fibers::unbuffered_channel<std::size_t>;

// A child may still be inside push() when its parent has all ten sums, so they share the channel.
void start_node(std::size_t first, std::size_t leaves, std::shared_ptr<sums> result) {
    new_fiber([first, leaves, result = std::move(result)] {
        if (leaves == 1) {
            result->push(first);
            return;
        }
        const auto children = std::make_shared<sums>();
        for (std::size_t i = 0; i < 10; ++i) start_node(first + i * leaves / 10, leaves / 10, children);
        std::size_t total = 0;
        for (std::size_t i = 0; i < 10; ++i) total += children->value_pop();
        result->push(total);
    }).detach();
}

} // namespace

bench::figures skynet_channels(const bench::sizes& size) {
    return on_workers(size.workers, [&]() -> bench::figures {
        const bench::stopwatch watch;
        const auto result = std::make_shared<sums>();
        start_node(0, size.count, result);
        const std::size_t sum = result->value_pop();
        const auto elapsed = watch.elapsed();
        bench::check_item_sum(sum, size.count);
        return {{"ms", bench::milliseconds(elapsed)}, {"peak_mb", bench::peak_megabytes()}};
    });
}

} // namespace boost_fiber
