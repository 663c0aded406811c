// SPDX-License-Identifier: BSL-1.0

// The clients of the servers that bench/run_peers compares: SHAPE --port N --server PROCESS --connections N --seconds N --workers N,
// the last being threads.
#include "load/shapes.hpp"
#include "support/peer_program.hpp"

#ifdef BENCH_WITH_TLS
#include <openssl/opensslv.h>
#endif

int main(int argc, char** argv) {
    constexpr bench::shape shapes[] = {
        {"echo", load::echo},
        {"udp_echo", load::udp_echo},
#ifdef BENCH_WITH_TLS
        {"tls_echo", load::tls_echo},
#endif
        {"connect", load::connect},
        {"idle", load::idle},
    };
#ifdef BENCH_WITH_TLS
    constexpr const char* version = "with TLS, " OPENSSL_VERSION_TEXT;
#else
    constexpr const char* version = "without TLS";
#endif
    return bench::peer_program("load", version, shapes, {argv, static_cast<std::size_t>(argc)});
}
