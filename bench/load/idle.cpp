// SPDX-License-Identifier: BSL-1.0
#include "load/client.hpp"
#include "load/connecting.hpp"
#include "load/shapes.hpp"

#include <vector>

#include <sys/socket.h>

namespace load {

// What a connection that waits for a request costs the server, having answered two: one when it was opened, one when all were. The
// first connection is not counted, nor what the server needed to make it.
bench::figures idle(const bench::sizes& size) {
    bench::check(size.connections > 1, "there must be two connections at least");
    std::vector<client> clients;
    clients.reserve(size.connections);
    double before = 0;
    for (std::size_t i = 0; i < size.connections; ++i) {
        client& opened = clients.emplace_back(connect_to(size.port, SOCK_STREAM, i));
        opened.ask();
        opened.await_answer();
        if (i == 0) before = bench::memory_of(size.server);
    }
    for (client& each : clients) {
        each.ask();
        each.await_answer();
    }
    const double more = bench::memory_of(size.server) - before;
    return {{"bytes", more / static_cast<double>(size.connections - 1)}};
}

} // namespace load
