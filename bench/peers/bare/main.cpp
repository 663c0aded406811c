// SPDX-License-Identifier: BSL-1.0

// Those shapes of ../../README.md that plain threads and epoll can do: what fibers are to beat, or in echo to
// reach.
#include "peers/bare/shapes.hpp"
#include "support/peer_program.hpp"

#include <string>

#include <sys/utsname.h>

int main(int argc, char** argv) {
    utsname kernel{};
    uname(&kernel);
    const std::string version = std::string(kernel.sysname) + ' ' + kernel.release;
    constexpr bench::shape shapes[] = {
        {"spawn_join_batch", bare::spawn_join_batch},
        {"spawn_join_one", bare::spawn_join_one},
        {"wakeup", bare::wakeup},
        {"echo", bare::echo},
        {"udp_echo", bare::udp_echo},
        {"mutex_uncontended", bare::mutex_uncontended},
        {"mutex_contended", bare::mutex_contended},
    };
    return bench::peer_program("bare", version.c_str(), shapes, {argv, static_cast<std::size_t>(argc)});
}
