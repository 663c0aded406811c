// SPDX-License-Identifier: BSL-1.0

// The bench shapes of ../../README.md on Boost.Fiber, but for echo: it has no network.
#include "peers/boost_fiber/shapes.hpp"
#include "support/peer_program.hpp"

#include <string>

#include <boost/version.hpp>

int main(int argc, char** argv) {
    const std::string version = std::to_string(BOOST_VERSION / 100000) + '.' +
        std::to_string(BOOST_VERSION / 100 % 1000) + '.' + std::to_string(BOOST_VERSION % 100);
    constexpr bench::shape shapes[] = {
        {"yield", boost_fiber::yield},
        {"spawn_join_batch", boost_fiber::spawn_join_batch},
        {"spawn_join_one", boost_fiber::spawn_join_one},
        {"wakeup", boost_fiber::wakeup},
        {"sleep", boost_fiber::sleep},
        {"skynet", boost_fiber::skynet},
        {"parked", boost_fiber::parked},
    };
    return bench::peer_program(
        "boost_fiber", version.c_str(), shapes, {argv, static_cast<std::size_t>(argc)});
}
