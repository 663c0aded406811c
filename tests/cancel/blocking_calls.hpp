// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace weft::test {

// A call that blocks until it is cancelled. prepare() gives the call, with all that it needs.
struct blocking_call {
    std::string name;
    std::function<std::function<void()>()> prepare;
    bool parks = true; // false: it goes on yielding
};

std::vector<blocking_call> runtime_calls();
std::vector<blocking_call> channel_calls();
std::vector<blocking_call> network_calls();
std::vector<blocking_call> resilience_calls();

} // namespace weft::test
