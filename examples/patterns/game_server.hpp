// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/cancel.hpp>
#include <weft/sync.hpp>
#include <weft/task_group.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <tuple>

// What a command needs to know. Each call may wait: for a database, another service.
struct game_services {
    std::function<bool(const std::string& command)> validate;
    std::function<int(const std::string& command)> load_player;
    std::function<bool(const std::string& command)> check_permissions;
};

// The C# server: so many players at a time, each served by a fiber of whoever calls handle_player. A player
// has read() -> std::optional<std::string>, nullopt: it has gone, and send(std::string).
class game_server {
public:
    game_server(std::size_t most_players, game_services services)
        : most_(most_players),
          places_(most_players),
          services_(std::move(services)) {}

    // Until the player has gone, the caller's token fires or the server shuts down. Throws timed_out if the
    // player says nothing for 30 s.
    template <class Player>
    void handle_player(Player& player, const weft::cancel_token& caller = {}) {
        const weft::cancel_scope linked(caller, shutdown_.token());
        try {
            const weft::permit place(places_); // given back if, and only if, it was taken
            while (const std::optional<std::string> message =
                       weft::with_timeout(std::chrono::seconds(30), [&] { return player.read(); }))
                player.send(process_command(*message));
        } catch (const weft::cancelled&) {
            if (!caller.stop_requested() && !shutdown_.stop_requested()) throw;
        }
    }

    std::string process_command(const std::string& message) const {
        const auto [valid, score, allowed] = weft::when_all( //
            [&] { return services_.validate(message); },     //
            [&] { return services_.load_player(message); },  //
            [&] { return services_.check_permissions(message); });
        return valid && allowed ? message + " done, score " + std::to_string(score) : message + " refused";
    }

    // Nobody plays any more when all the places are free. False: after so long some still did.
    bool graceful_shutdown(weft::clock::duration grace = std::chrono::seconds(30)) {
        shutdown_.cancel("the server shuts down");
        return places_.try_acquire_for(grace, most_);
    }

private:
    const std::size_t most_;
    weft::counting_semaphore places_;
    const weft::cancel_source shutdown_;
    const game_services services_;
};
