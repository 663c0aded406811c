// SPDX-License-Identifier: BSL-1.0
//
// A pipeline: each stage is a fiber that receives from the one before and sends to the one after. A stage
// ends when what it receives from is closed, and then closes what it sends to: so the end runs through all
// of them.
//
//   build/release/examples/pipeline
#include <weft/channel.hpp>
#include <weft/run.hpp>

#include <cstdio>

weft::receiver<int> numbers_to(int last) {
    const weft::channel<int> out(0);
    weft::go([=] {
        for (int number = 1; number <= last; ++number) out.send(number);
        out.close();
    }).detach();
    return out;
}

weft::receiver<int> squares(const weft::receiver<int>& in) {
    const weft::channel<int> out(0);
    weft::go([=] {
        for (const int number : in) out.send(number * number);
        out.close();
    }).detach();
    return out;
}

int sum(const weft::receiver<int>& in) {
    int total = 0;
    for (const int number : in) total += number;
    return total;
}

int main() {
    weft::run([] { std::printf("%d\n", sum(squares(numbers_to(10)))); });
}
