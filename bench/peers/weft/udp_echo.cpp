// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"

#include <weft/net/udp.hpp>
#include <weft/run.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace weft_peer {
namespace {

using packet = std::array<std::byte, 2048>;

void echo_one_by_one(weft::net::udp_socket& socket) {
    packet buffer;
    for (;;) {
        const weft::net::datagram got = socket.recv_from(buffer);
        socket.send_to(std::span(buffer).first(got.size), got.from);
    }
}

void echo_batches(weft::net::udp_socket& socket, std::size_t most) {
    std::vector<packet> buffers(most);
    std::vector<weft::net::incoming_datagram> received(most);
    for (std::size_t i = 0; i < most; ++i) received[i].buffer = buffers[i];
    std::vector<weft::net::outgoing_datagram> answers(most);
    for (;;) {
        const std::size_t count = socket.recv_batch(received);
        for (std::size_t i = 0; i < count; ++i) {
            const weft::net::datagram& got = received[i].got;
            answers[i] = {.bytes = received[i].buffer.first(got.size), .to = got.from};
        }
        socket.send_batch(std::span(answers).first(count));
    }
}

} // namespace

// A fiber for each worker, on one socket.
bench::figures udp_echo(const bench::sizes& size) {
    const auto serve = [&]() -> bench::figures {
        auto socket = weft::net::udp_socket::bind("127.0.0.1:" + std::to_string(size.port));
        bench::say_listening(socket.local_endpoint().port());
        const auto echo = [&] {
            if (size.batch == 1)
                echo_one_by_one(socket);
            else
                echo_batches(socket, size.batch);
        };
        for (unsigned i = 1; i < size.workers; ++i) weft::go(echo).detach();
        echo();
        return {};
    };
    return weft::run(serve, {.workers = size.workers});
}

} // namespace weft_peer
