// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/measure.hpp"

#include <weft/channel.hpp>
#include <weft/run.hpp>

#include <utility>

namespace weft_peer {
namespace {

void count_up(const weft::channel<int>& to) {
    for (int number = 2;; ++number) to.send(number);
}

void drop_multiples(int prime, const weft::channel<int>& from, const weft::channel<int>& to) {
    while (const auto number = from.recv())
        if (*number % prime != 0) to.send(*number);
}

} // namespace

// Its fibers go on until the end of run() cancels them.
bench::figures sieve(const bench::sizes& size) {
    const auto find_primes = [&]() -> bench::figures {
        const bench::stopwatch watch;
        weft::channel<int> numbers(0);
        weft::go([numbers] { count_up(numbers); }).detach();
        std::size_t sum = 0;
        for (std::size_t i = 0; i < size.count; ++i) {
            const int prime = numbers.recv().value();
            sum += static_cast<std::size_t>(prime);
            const weft::channel<int> rest(0);
            weft::go([prime, from = std::exchange(numbers, rest), rest] {
                drop_multiples(prime, from, rest);
            }).detach();
        }
        const auto elapsed = watch.elapsed();
        bench::check_prime_sum(sum, size.count);
        return {{"ms", bench::milliseconds(elapsed)}};
    };
    return weft::run(find_primes, {.workers = size.workers});
}

} // namespace weft_peer
