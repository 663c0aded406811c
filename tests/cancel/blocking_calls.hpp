// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/cancel.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace weft::test {

// A call that blocks until it is cancelled. prepare() gives the call, with all that it needs.
struct blocking_call {
    std::string name;
    std::function<std::function<void()>()> prepare;
    bool parks = true; // false: it goes on yielding
};

// Set up shielded: the cell of the table where the caller is cancelled already is about the call alone.
template <class T, class Call>
std::function<std::function<void()>()> set_up(Call call) {
    return [call] { return [of = shield([] { return std::make_shared<T>(); }), call] { call(*of); }; };
}

std::vector<blocking_call> runtime_calls();
std::vector<blocking_call> channel_calls();
std::vector<blocking_call> network_calls();
std::vector<blocking_call> resilience_calls();
std::vector<blocking_call> tls_calls(); // none in a build without TLS

} // namespace weft::test
