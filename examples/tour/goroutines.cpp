// SPDX-License-Identifier: BSL-1.0
//
// Go Tour, concurrency/1, goroutines: go starts a fiber, which runs beside the one that called it. When
// main's function returns, those still alive are ended: "world" may lack its last line.
//
//   build/release/examples/tour/goroutines
#include <weft/run.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

void say(const char* what) {
    for (int i = 0; i < 5; ++i) {
        weft::sleep(100ms);
        std::puts(what);
    }
}

int main() {
    weft::run([] {
        weft::go(say, "world").detach();
        say("hello");
    });
}
