// SPDX-License-Identifier: BSL-1.0

// The bench shapes of ../../README.md on weft.
#include "peers/weft/shapes.hpp"
#include "support/peer_program.hpp"

int main(int argc, char** argv) {
    constexpr bench::shape shapes[] = {
        {"yield", weft_peer::yield},
        {"spawn_join_batch", weft_peer::spawn_join_batch},
        {"spawn_join_one", weft_peer::spawn_join_one},
        {"wakeup", weft_peer::wakeup},
        {"sleep", weft_peer::sleep},
        {"skynet", weft_peer::skynet},
        {"parked", weft_peer::parked},
        {"echo", weft_peer::echo},
    };
    return bench::peer_program("weft", WEFT_VERSION, shapes, {argv, static_cast<std::size_t>(argc)});
}
