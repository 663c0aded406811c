// SPDX-License-Identifier: BSL-1.0
//
// The concurrent prime sieve: a chain of fibers, each of which lets through what its prime does not divide.
// What comes out at the end of the chain is the next prime, and gets a fiber of its own. The chain would go
// on for ever; it ends when main's function returns.
//
//   build/release/examples/prime_sieve
#include <weft/channel.hpp>
#include <weft/run.hpp>

#include <cstdio>

void generate(const weft::sender<int>& to) {
    for (int number = 2;; ++number) to.send(number);
}

void filter(const weft::receiver<int>& from, const weft::sender<int>& to, int prime) {
    for (const int number : from)
        if (number % prime != 0) to.send(number);
}

int main() {
    weft::run([] {
        weft::channel<int> end(0);
        weft::go(generate, end).detach();
        for (int i = 0; i < 10; ++i) {
            const int prime = end.recv().value();
            std::printf("%d\n", prime);
            const weft::channel<int> next(0);
            weft::go(filter, end, next, prime).detach();
            end = next;
        }
    });
}
