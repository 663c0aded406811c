// SPDX-License-Identifier: BSL-1.0
//
// Not waiting for ever: on_timeout limits one select, counted from its call. after() is a channel to which
// the end comes, and limits however many of them.
//
//   build/release/examples/timeout
#include <weft/run.hpp>
#include <weft/select.hpp>
#include <weft/time.hpp>

#include <chrono>
#include <cstdio>
#include <optional>

using namespace std::chrono_literals;

// The channel has room for the answer: if nobody waits for it any more, its fiber ends all the same.
weft::receiver<int> answer_after(weft::clock::duration thinking) {
    const weft::channel<int> answer(1);
    weft::go([=] {
        weft::sleep(thinking);
        answer.send(42);
    }).detach();
    return answer;
}

void await(const char* who, const weft::receiver<int>& answer, weft::clock::duration patience) {
    weft::select( //
        weft::on_recv(answer, [&](std::optional<int> value) { std::printf("%s: %d\n", who, value.value()); }),
        weft::on_timeout(patience, [&] { std::printf("%s: no answer\n", who); }));
}

int main() {
    weft::run([] {
        await("quick", answer_after(1ms), 10s);
        await("slow", answer_after(1h), 50ms);

        const weft::channel<int> numbers(3);
        for (const int number : {1, 2, 3}) numbers.send(number);
        const weft::receiver<weft::tick> end = weft::after(200ms);
        bool going = true;
        while (going) {
            weft::select( //
                weft::on_recv(numbers, [](std::optional<int> value) { std::printf("%d\n", value.value()); }),
                weft::on_recv(end, [&](auto) { going = false; }));
        }
        std::puts("time is up");
    });
}
