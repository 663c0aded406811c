// SPDX-License-Identifier: BSL-1.0
//
// Go Tour, concurrency/4, range and close: a channel is a range of the values that come, until its sender
// closes it.
//
//   build/release/examples/tour/range_and_close
#include <weft/channel.hpp>
#include <weft/run.hpp>

#include <cstddef>
#include <cstdio>
#include <utility>

void fibonacci(std::size_t count, const weft::sender<int>& to) {
    int x = 0;
    int y = 1;
    for (std::size_t i = 0; i < count; ++i) {
        to.send(x);
        x = std::exchange(y, x + y);
    }
    to.close();
}

int main() {
    weft::run([] {
        const weft::channel<int> numbers(10);
        weft::go(fibonacci, numbers.capacity(), numbers).detach();
        for (const int number : numbers) std::printf("%d\n", number);
    });
}
