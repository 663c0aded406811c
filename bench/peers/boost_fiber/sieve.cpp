// SPDX-License-Identifier: BSL-1.0
#include "peers/boost_fiber/new_fiber.hpp"
#include "peers/boost_fiber/shapes.hpp"
#include "peers/boost_fiber/workers.hpp"
#include "support/measure.hpp"

#include <memory>
#include <vector>

#include <boost/fiber/unbuffered_channel.hpp>

namespace boost_fiber {
namespace {

using boost::fibers::channel_op_status;
using numbers = boost::fibers::unbuffered_channel<int>;

void count_up(numbers& to) {
    for (int number = 2; to.push(number) == channel_op_status::success;) ++number;
}

// Ends when its successor has closed `to`, and then closes `from`.
void drop_multiples(int prime, numbers& from, numbers& to) {
    for (int number = 0; from.pop(number) == channel_op_status::success;)
        if (number % prime != 0 && to.push(number) != channel_op_status::success) break;
    from.close();
}

} // namespace

bench::figures sieve(const bench::sizes& size) {
    return on_workers(size.workers, [&]() -> bench::figures {
        std::vector<std::unique_ptr<numbers>> channels;
        std::vector<boost::fibers::fiber> fibers;
        const bench::stopwatch watch;
        channels.push_back(std::make_unique<numbers>());
        fibers.push_back(new_fiber([&to = *channels.back()] { count_up(to); }));
        std::size_t sum = 0;
        for (std::size_t i = 0; i < size.count; ++i) {
            numbers& from = *channels.back();
            numbers& to = *channels.emplace_back(std::make_unique<numbers>());
            const int prime = from.value_pop();
            sum += static_cast<std::size_t>(prime);
            fibers.push_back(new_fiber([prime, &from, &to] { drop_multiples(prime, from, to); }));
        }
        const auto elapsed = watch.elapsed();
        channels.back()->close();
        for (auto& fiber : fibers) fiber.join();
        bench::check_prime_sum(sum, size.count);
        return {{"ms", bench::milliseconds(elapsed)}};
    });
}

} // namespace boost_fiber
