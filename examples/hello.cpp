// SPDX-License-Identifier: BSL-1.0
//
// The smallest program with fibers: starts some, which run on all CPUs, and joins them for their results.
//
//   build/release/examples/hello
#include <weft/run.hpp>

#include <cstdio>
#include <string>
#include <vector>

int main() {
    return weft::run([] {
        std::vector<weft::fiber<std::string>> greetings;
        for (const char* name : {"warp", "weft", "world"})
            greetings.push_back(weft::go([name] { return std::string("hello, ") + name; }));
        for (auto& greeting : greetings) std::puts(greeting.join().c_str());
        return 0;
    });
}
