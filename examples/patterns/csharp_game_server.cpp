// SPDX-License-Identifier: BSL-1.0
//
// The connection-limited game server of the C# text (game_server.hpp), on a real port. Two may play at a
// time: a third one is heard once a place is free. The shutdown ends those who still play, and waits for
// them.
//
//   build/release/examples/patterns/csharp_game_server
#include "game_server.hpp"
#include "lines.hpp"

#include <weft/net.hpp>
#include <weft/run.hpp>
#include <weft/task_group.hpp>

#include <cstdio>
#include <system_error>

namespace net = weft::net;

void accept_players(net::tcp_listener& listener, game_server& server, weft::task_group& players) {
    for (;;) {
        std::error_code closed;
        net::tcp_stream peer = listener.accept(closed);
        if (closed) return;
        players.go([&server, player = line_stream(std::move(peer))]() mutable {
            try {
                server.handle_player(player);
            } catch (const std::exception& error) { // this player's trouble, and nobody else's
                std::fprintf(stderr, "player: %s\n", error.what());
            }
        });
    }
}

void show(const char* name, const std::optional<std::string>& answer) {
    std::printf("%s: %s\n", name, answer ? answer->c_str() : "the server has gone");
}

int main() {
    weft::run([] {
        game_server server(2,
            {.validate = [](const std::string& command) { return command != "cheat"; },
                .load_player = [](const std::string& command) { return int(command.size()); },
                .check_permissions = [](const std::string&) { return true; }});
        auto listener = net::tcp_listener::listen("127.0.0.1:0");
        weft::task_group players;
        players.go([&] { accept_players(listener, server, players); });

        const auto connect = [&] { return line_stream(net::tcp_stream::connect(listener.local_endpoint())); };
        std::optional<line_stream> ada(connect());
        ada->send("north");
        show("ada", ada->read());
        line_stream bob = connect();
        bob.send("cheat");
        show("bob", bob.read());

        line_stream eve = connect();
        eve.send("south");
        std::puts("eve waits for a place; ada leaves");
        ada.reset();
        show("eve", eve.read());

        listener.close();
        std::puts(server.graceful_shutdown() ? "drained" : "not drained");
        players.wait();
        show("bob", bob.read());
        show("eve", eve.read());
    });
}
