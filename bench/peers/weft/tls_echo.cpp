// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"

#include <weft/net/tcp.hpp>
#include <weft/net/tls.hpp>
#include <weft/run.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace weft_peer {
namespace {

// Ends at the client's end of stream or at any error.
void echo_back(weft::net::tls_stream<weft::net::tcp_stream> connection) {
    std::array<std::byte, 4096> buffer;
    std::error_code error;
    while (const std::size_t got = connection.read_some(buffer, error)) {
        connection.write_all(std::span(buffer).first(got), error);
        if (error) return;
    }
}

} // namespace

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
