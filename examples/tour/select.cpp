// SPDX-License-Identifier: BSL-1.0
//
// Go Tour, concurrency/5, select: waits until one of its cases can happen, and calls the handler of that
// one. Here a fiber offers the next number until it is told to quit.
//
//   build/release/examples/tour/select
#include <weft/run.hpp>
#include <weft/select.hpp>

#include <cstdio>
#include <utility>

void fibonacci(const weft::sender<int>& to, const weft::receiver<weft::unit>& quit) {
    int x = 0;
    int y = 1;
    bool going = true;
    while (going) {
        weft::select( //
            weft::on_send(to, x, [&] { x = std::exchange(y, x + y); }),
            weft::on_recv(quit, [&](auto) { going = false; }));
    }
    std::puts("quit");
}

int main() {
    weft::run([] {
        const weft::channel<int> numbers(0);
        const weft::channel<weft::unit> quit(0);
        weft::go([=] {
            for (int i = 0; i < 10; ++i) std::printf("%d\n", numbers.recv().value());
            quit.send({});
        }).detach();
        fibonacci(numbers, quit);
    });
}
