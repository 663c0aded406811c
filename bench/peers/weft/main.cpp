// SPDX-License-Identifier: BSL-1.0

// The bench shapes of ../../README.md on weft.
#include "peers/weft/shapes.hpp"
#include "support/peer_program.hpp"

int main(int argc, char** argv) {
#ifdef BENCH_WITH_TLS
    constexpr const char* version = WEFT_VERSION ", with TLS";
#else
    constexpr const char* version = WEFT_VERSION ", without TLS";
#endif
    constexpr bench::shape shapes[] = {
        {"yield", weft_peer::yield},
        {"spawn_join_batch", weft_peer::spawn_join_batch},
        {"spawn_join_one", weft_peer::spawn_join_one},
        {"wakeup", weft_peer::wakeup},
        {"sleep", weft_peer::sleep},
        {"skynet", weft_peer::skynet},
        {"parked", weft_peer::parked},
        {"echo", weft_peer::echo},
        {"udp_echo", weft_peer::udp_echo},
#ifdef BENCH_WITH_TLS
        {"tls_echo", weft_peer::tls_echo},
#endif
        {"chan_seq", weft_peer::chan_seq},
        {"chan_pingpong", weft_peer::chan_pingpong},
        {"chan_spsc", weft_peer::chan_spsc},
        {"chan_mpsc", weft_peer::chan_mpsc},
        {"chan_mpmc", weft_peer::chan_mpmc},
        {"select2", weft_peer::select2},
        {"select4", weft_peer::select4},
        {"mutex_uncontended", weft_peer::mutex_uncontended},
        {"mutex_contended", weft_peer::mutex_contended},
        {"skynet_channels", weft_peer::skynet_channels},
        {"sieve", weft_peer::sieve},
    };
    return bench::peer_program("weft", version, shapes, {argv, static_cast<std::size_t>(argc)});
}
