// SPDX-License-Identifier: BSL-1.0
//
// A limit for a call, however deep it waits: with_timeout throws timed_out; fetch_with_timeout gives
// nothing instead. A deadline further out is not swallowed with it: the caller's next blocking call throws
// it again.
//
//   build/release/examples/patterns/timeout
#include <weft/cancel.hpp>
#include <weft/channel.hpp>
#include <weft/run.hpp>

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

using namespace std::chrono_literals;
using answers = weft::receiver<std::string>;

std::string fetch_data(const answers& from) { return from.recv().value_or(""); }

std::optional<std::string> fetch_with_timeout(const answers& from, weft::clock::duration timeout = 5s) {
    try {
        return weft::with_timeout(timeout, [&] { return fetch_data(from); });
    } catch (const weft::timed_out&) {
        return std::nullopt;
    }
}

void show(const char* name, const std::optional<std::string>& answer) {
    std::printf("%s: %s\n", name, answer ? answer->c_str() : "nothing in time");
}

int main() {
    weft::run([] {
        const weft::channel<std::string> quick(1);
        quick.send("data");
        const weft::channel<std::string> silent(1);
        show("quick", fetch_with_timeout(quick));
        show("silent", fetch_with_timeout(silent, 10ms));
        silent.send("data, late");
        show("silent, asked again", fetch_with_timeout(silent));
        try {
            weft::with_timeout(10ms, [&] {
                show("within a shorter limit", fetch_with_timeout(silent, 1h));
                weft::yield();
            });
        } catch (const weft::timed_out&) {
            std::puts("the outer limit counts");
        }
    });
}
