// SPDX-License-Identifier: BSL-1.0
//
// The game server of the Rust text: a permit for each connection, a broadcast that tells all of the
// shutdown, buffered reading and writing. The broadcast is closed rather than sent to: who subscribes too
// late learns of it all the same. And the server hears of it while it waits for a permit, where tokio's
// would not.
//
//   build/release/examples/patterns/tokio_game_server
#include "lines.hpp"

#include <weft/broadcast.hpp>
#include <weft/net.hpp>
#include <weft/run.hpp>
#include <weft/select.hpp>
#include <weft/sync.hpp>
#include <weft/task_group.hpp>

#include <cstdio>
#include <variant>

namespace net = weft::net;
using shutdown_signal = weft::broadcast_subscriber<weft::unit>;

// The slower of the two is cancelled. Half a line that came would stay in the reader, were there a next time.
void handle_player(net::tcp_stream connection, shutdown_signal shutdown) {
    net::buffered_reader reader(connection, 1024);
    net::buffered_writer writer(connection, 1024);
    for (;;) {
        const auto first =
            weft::when_any([&] { return reader.read_line(); }, [&] { return shutdown.recv(); });
        const auto* message = std::get_if<0>(&first.value);
        if (message == nullptr || !message->has_value()) return;
        const std::string answer = "you went " + **message + "\n";
        writer.write_all(std::as_bytes(std::span(answer)));
        writer.flush();
    }
}

class game_server {
public:
    explicit game_server(std::size_t most_connections) : permits_(most_connections) {}

    // Until the shutdown; returns when the last player has gone.
    void run(net::tcp_listener& listener) {
        shutdown_signal shutdown = shutdown_.subscribe();
        bool running = true;
        const auto stop = [&](auto) { running = false; };
        weft::task_group players;
        while (running) {
            weft::permit permit;
            weft::select( //
                weft::on_acquire(permits_, [&](weft::permit got) { permit = std::move(got); }),
                weft::on_recv(shutdown, stop));
            if (permit)
                weft::select( //
                    weft::on_readable(
                        listener, [&] { welcome(listener.accept(), std::move(permit), players); }),
                    weft::on_recv(shutdown, stop));
        }
        std::puts("shutting down");
        players.wait();
    }
    void shutdown() { shutdown_.close(); }

private:
    void welcome(net::tcp_stream peer, weft::permit permit, weft::task_group& players) {
        players.go([player = std::move(peer), shutdown = shutdown_.subscribe(),
                       permit = std::move(permit)]() mutable {
            try {
                handle_player(std::move(player), std::move(shutdown));
            } catch (const net::io_error& error) {
                std::fprintf(stderr, "player: %s\n", error.what());
            }
        });
    }

    weft::counting_semaphore permits_;
    const weft::broadcast<weft::unit> shutdown_{1, weft::on_lag::block};
};

void show(const char* name, const std::optional<std::string>& answer) {
    std::printf("%s: %s\n", name, answer ? answer->c_str() : "the server has gone");
}

int main() {
    weft::run([] {
        auto listener = net::tcp_listener::listen("127.0.0.1:0");
        game_server server(1);
        auto running = weft::go([&] { server.run(listener); });
        const auto connect = [&] { return line_stream(net::tcp_stream::connect(listener.local_endpoint())); };

        std::optional<line_stream> ada(connect());
        line_stream bob = connect();
        bob.send("east");
        ada->send("north\nsouth");
        show("ada", ada->read());
        show("ada", ada->read());
        ada.reset();
        std::puts("ada leaves, and bob gets her place");
        show("bob", bob.read());

        server.shutdown();
        running.join();
        show("bob", bob.read());
    });
}
