// SPDX-License-Identifier: BSL-1.0
//
// Go Tour, concurrency/3, buffered channels: with room for two values, two sends need not wait for a
// receiver. A third would wait for ever: "all fibers are asleep - deadlock!"
//
//   build/release/examples/tour/buffered_channels
#include <weft/channel.hpp>
#include <weft/run.hpp>

#include <cstdio>

int main() {
    weft::run([] {
        const weft::channel<int> numbers(2);
        numbers.send(1);
        numbers.send(2);
        std::printf("%d\n", numbers.recv().value());
        std::printf("%d\n", numbers.recv().value());
    });
}
