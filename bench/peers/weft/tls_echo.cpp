// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/echo_back.hpp"
#include "peers/weft/shapes.hpp"

#include <weft/net/tcp.hpp>
#include <weft/net/tls.hpp>
#include <weft/run.hpp>

#include <string>
#include <utility>

namespace weft_peer {

bench::figures tls_echo(const bench::sizes& size) {
    const auto serve = [&]() -> bench::figures {
        const auto context = weft::net::tls_context::server(size.certificate, size.key);
        const weft::net::endpoint where("127.0.0.1:" + std::to_string(size.port));
        auto listener = weft::net::tcp_listener::listen(where);
        bench::say_listening(listener.local_endpoint().port());
        for (;;)
            weft::go([connection = weft::net::tls_server(listener.accept(), context)]() mutable {
                echo_back(std::move(connection));
            }).detach();
    };
    return weft::run(serve, {.workers = size.workers});
}

} // namespace weft_peer
