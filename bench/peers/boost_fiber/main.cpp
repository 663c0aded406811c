// SPDX-License-Identifier: BSL-1.0

// The bench shapes of ../../README.md on Boost.Fiber, but for echo and select: it has no network and no
// select.
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
        {"chan_seq", boost_fiber::chan_seq},
        {"chan_pingpong", boost_fiber::chan_pingpong},
        {"chan_spsc", boost_fiber::chan_spsc},
        {"chan_mpsc", boost_fiber::chan_mpsc},
        {"chan_mpmc", boost_fiber::chan_mpmc},
        {"mutex_uncontended", boost_fiber::mutex_uncontended},
        {"mutex_contended", boost_fiber::mutex_contended},
        {"skynet_channels", boost_fiber::skynet_channels},
        {"sieve", boost_fiber::sieve},
    };
    return bench::peer_program(
        "boost_fiber", version.c_str(), shapes, {argv, static_cast<std::size_t>(argc)});
}
