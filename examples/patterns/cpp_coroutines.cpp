// SPDX-License-Identifier: BSL-1.0
//
// The game server of the C++ text, as coroutines: weft's task<T> is the awaitable type that text writes by
// hand. A task runs as a fiber, so it may await, and it may as well just call what waits: send, when_all.
//
//   build/release/examples/patterns/cpp_coroutines
#include <weft/channel.hpp>
#include <weft/coroutine.hpp>
#include <weft/run.hpp>
#include <weft/task_group.hpp>

#include <cstdio>
#include <optional>
#include <string>

struct connection {
    weft::channel<std::string> in{0};
    weft::channel<std::string> out{0};
};

weft::task<bool> validate(const std::string& message) { co_return message != "cheat"; }
weft::task<int> load_player(int id) { co_return 100 + id; }

weft::task<std::string> process(const std::string& message, int id) {
    const auto [valid, score] = weft::when_all(validate(message), load_player(id));
    co_return valid ? message + " done, score " + std::to_string(score) : message + " refused";
}

weft::task<void> handle_player(const connection& player, int id) {
    while (const std::optional<std::string> message = co_await player.in)
        player.out.send(co_await process(*message, id));
    player.out.close();
}

int main() {
    weft::run([] {
        const connection player;
        auto handler = weft::go(handle_player(player, 7));
        for (const char* message : {"north", "cheat"}) {
            player.in.send(message);
            std::puts(player.out.recv().value().c_str());
        }
        player.in.close();
        handler.join();
        std::puts("the player has left");
    });
}
