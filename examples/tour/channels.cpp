// SPDX-License-Identifier: BSL-1.0
//
// Go Tour, concurrency/2, channels: two fibers sum up half of the numbers each, and send what they got. A
// channel of capacity 0 makes sender and receiver wait for each other, so nothing else is needed to order
// them. Whose sum comes first is open.
//
//   build/release/examples/tour/channels
#include <weft/channel.hpp>
#include <weft/run.hpp>

#include <array>
#include <cstdio>
#include <numeric>
#include <span>

void sum(std::span<const int> numbers, const weft::sender<int>& to) {
    to.send(std::accumulate(numbers.begin(), numbers.end(), 0));
}

int main() {
    weft::run([] {
        const std::array numbers{7, 2, 8, -9, 4, 0};
        const weft::channel<int> sums(0);
        weft::go(sum, std::span(numbers).first(3), sums).detach();
        weft::go(sum, std::span(numbers).last(3), sums).detach();
        const int x = sums.recv().value();
        const int y = sums.recv().value();
        std::printf("%d %d %d\n", x, y, x + y);
    });
}
