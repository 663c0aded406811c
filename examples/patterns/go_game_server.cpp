// SPDX-License-Identifier: BSL-1.0
//
// The game server of the Go text: who comes when all places are taken is turned away; a player has a
// reader, a writer, and a loop that selects between what came and the end of the server. There the writer
// of a player who has gone waits for ever; here no loop outlives its player, and no player the server.
//
//   build/release/examples/patterns/go_game_server
#include "lines.hpp"

#include <weft/cancel.hpp>
#include <weft/net.hpp>
#include <weft/run.hpp>
#include <weft/select.hpp>
#include <weft/sync.hpp>
#include <weft/task_group.hpp>

#include <chrono>
#include <cstdio>
#include <system_error>

using namespace std::chrono_literals;
namespace net = weft::net;

class game_server {
public:
    explicit game_server(std::size_t most_players) : places_(most_players) {}

    net::endpoint address() const { return listener_.local_endpoint(); }

    void accept_loop() {
        for (;;) {
            std::error_code failed;
            net::tcp_stream peer = listener_.accept(failed);
            if (quit_.closed()) return;
            if (failed) {
                std::fprintf(stderr, "accept: %s\n", failed.message().c_str());
                weft::sleep(10ms); // without descriptors, say: it may be better soon
                continue;
            }
            const auto let_in = [&](weft::permit place) { welcome(std::move(peer), std::move(place)); };
            const auto turn_away = [&] { peer.close(); };
            weft::select(weft::on_acquire(places_, let_in), weft::otherwise(turn_away));
        }
    }

    // Throws timed_out if some were still playing after so long; then they are cancelled, and gone as well.
    void shutdown(weft::clock::duration grace) {
        quit_.close();
        listener_.close();
        weft::with_timeout(grace, [&] { handlers_.wait(); });
    }

private:
    void welcome(net::tcp_stream peer, weft::permit place) {
        handlers_.go([this, player = line_stream(std::move(peer)), place = std::move(place)]() mutable {
            try {
                handle_player(player);
            } catch (const net::io_error& error) {
                std::fprintf(stderr, "player: %s\n", error.what());
            }
        });
    }

    void handle_player(line_stream& player) {
        const weft::channel<std::string> read(100);
        const weft::channel<std::string> write(100);
        weft::task_group loops;
        loops.go([&] {
            while (std::optional<std::string> message = player.read()) read.send(std::move(*message));
            read.close();
        });
        loops.go([&] {
            for (const std::string& answer : write) player.send(answer);
        });
        try {
            const weft::cancel_scope while_both_run(loops.token());
            bool playing = true;
            const auto answer = [&](std::optional<std::string> message) {
                message ? write.send("you went " + *message) : void(playing = false);
            };
            const auto stop = [&](auto) { playing = false; };
            while (playing) weft::select(weft::on_recv(read, answer), weft::on_recv(quit_, stop));
        } catch (const weft::cancelled&) {} // a loop has failed: wait() tells how
        loops.cancel();
        loops.wait();
    }

    net::tcp_listener listener_ = net::tcp_listener::listen("127.0.0.1:0");
    const weft::channel<weft::unit> quit_{0};
    weft::counting_semaphore places_;
    weft::task_group handlers_; // the last: it ends before what its tasks use
};

void show(const char* name, const std::optional<std::string>& answer) {
    std::printf("%s: %s\n", name, answer ? answer->c_str() : "the server has gone");
}

int main() {
    weft::run([] {
        game_server server(2);
        auto accepting = weft::go([&] { server.accept_loop(); });
        const auto connect = [&] { return line_stream(net::tcp_stream::connect(server.address())); };
        line_stream ada = connect();
        ada.send("north");
        show("ada", ada.read());
        line_stream bob = connect();
        bob.send("south");
        show("bob", bob.read());
        std::printf("eve: %s\n", connect().read() ? "welcome" : "turned away");

        server.shutdown(5s);
        accepting.join();
        std::puts("shut down");
        show("ada", ada.read());
        show("bob", bob.read());
    });
}
