// SPDX-License-Identifier: BSL-1.0
//
// A TCP server that sends back what it gets: a fiber for each connection, written as if it could block.
// SIGINT and SIGTERM drain it: it accepts no more, and gives its connections 3 s to finish.
//
//   build/release/examples/echo_server --port 7000        (then: nc 127.0.0.1 7000)
#include "support.hpp"

#include <weft/net.hpp>
#include <weft/run.hpp>

#include <array>
#include <chrono>
#include <list>
#include <mutex>

using namespace std::chrono_literals;
namespace net = weft::net;

void echo(net::tcp_stream& peer) {
    std::array<std::byte, 4096> buffer;
    std::error_code ec;
    while (const std::size_t size = peer.read_some(buffer, ec)) {
        peer.write_all(std::span(buffer).first(size), ec);
        if (ec) return;
    }
}

// The open connections, so that they can be told of the end and awaited.
class connections {
public:
    ~connections() { drain(0s); }

    void serve(net::tcp_stream&& peer) {
        std::unique_lock guard(mutex_);
        ended_.clear();
        open_.push_back({std::move(peer), {}});
        const auto added = std::prev(open_.end());
        guard.unlock();
        try {
            added->handler = weft::go([this, added] {
                echo(added->peer);
                end(added);
            });
        } catch (const weft::stack_unavailable&) {
            end(added); // no room for this one
        }
    }
    void drain(std::chrono::seconds grace) {
        std::unique_lock guard(mutex_);
        for (connection& each : open_) each.peer.set_deadline(grace);
        while (!open_.empty()) {
            weft::fiber<void>& next = open_.front().handler;
            guard.unlock();
            next.join();
            guard.lock();
        }
    }

private:
    struct connection {
        net::tcp_stream peer;
        weft::fiber<void> handler;
    };
    void end(std::list<connection>::iterator which) {
        const std::scoped_lock guard(mutex_);
        which->peer.close();
        ended_.splice(ended_.end(), open_, which);
    }

    std::mutex mutex_; // held for moments, never while waiting
    std::list<connection> open_;
    std::list<connection> ended_;
};

void accept_all(net::tcp_listener& listener, connections& open) {
    for (;;) {
        std::error_code ec;
        net::tcp_stream peer = listener.accept(ec);
        if (!ec)
            open.serve(std::move(peer));
        else if (ec == std::errc::too_many_files_open)
            weft::sleep(10ms);
        else if (!listener.is_open())
            return;
        else
            throw net::io_error(ec, "accept");
    }
}

void serve(std::uint16_t port) {
    auto listener = net::tcp_listener::listen(net::endpoint("127.0.0.1", port));
    connections open;
    const on_stop_signal stop([&] { listener.close(); });
    std::printf("listening on %s\n", listener.local_endpoint().to_string().c_str());
    std::fflush(stdout);
    accept_all(listener, open);
    open.drain(3s);
}

int main(int argc, char** argv) {
    const arguments given(argc, argv, {"--port", "--workers"});
    const auto port = static_cast<std::uint16_t>(given.number("--port", 7000, 0, 65535));
    const unsigned workers = given.number("--workers", 0, 0, 1024);
    try {
        weft::run([&] { serve(port); }, {.workers = workers});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "echo_server: %s\n", error.what());
        return 1;
    }
    return 0;
}
