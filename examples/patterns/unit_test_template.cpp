// SPDX-License-Identifier: BSL-1.0
//
// The tests of the two texts, ordered by events where those watch the clock: they are as quick as the
// machine, and never fail because it is busy. A test that waits for what never comes ends at once, with a
// report of who waits for what.
//
//   build/release/examples/patterns/unit_test_template
#include "game_server.hpp"

#include <weft/channel.hpp>
#include <weft/run.hpp>

#include <chrono>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

using namespace std::chrono_literals;

namespace {

game_services at_once() {
    return {[](const std::string&) { return true; }, [](const std::string&) { return 7; },
        [](const std::string&) { return true; }};
}

struct mock_player {
    std::vector<std::string> messages;
    std::vector<std::string> sent{};

    std::optional<std::string> read() {
        if (messages.empty()) return std::nullopt;
        std::string next = messages.front();
        messages.erase(messages.begin());
        return next;
    }
    void send(std::string answer) { sent.push_back(std::move(answer)); }
};

TEST(GameServer, HandlePlayerProcessesMessages) {
    weft::run([] {
        game_server server(1000, at_once());
        mock_player player{{"forward"}};
        weft::with_timeout(5s, [&] { server.handle_player(player); });
        EXPECT_EQ(player.sent, std::vector<std::string>{"forward done, score 7"});
    });
}

TEST(GameServer, ProcessCommandRunsInParallel) {
    weft::run([] {
        weft::latch all_begun(3); // in turn, the first of the three would wait for ever
        game_server server(1000,
            {[&](const std::string&) { return all_begun.arrive_and_wait(), true; },
                [&](const std::string&) { return all_begun.arrive_and_wait(), 7; },
                [&](const std::string&) { return all_begun.arrive_and_wait(), true; }});
        EXPECT_EQ(server.process_command("forward"), "forward done, score 7");
    });
}

TEST(GameServer, GracefulShutdownWaitsForConnections) {
    weft::run([] {
        game_server server(1000, at_once());
        weft::latch playing(1), shutting_down(1), may_go(1);
        struct slow_player {
            weft::latch &playing, &shutting_down, &may_go;
            std::optional<std::string> read() {
                playing.count_down();
                try {
                    weft::latch(1).wait(); // until it is cancelled
                } catch (const weft::cancelled&) {
                    shutting_down.count_down();
                    weft::shield([&] { may_go.wait(); });
                }
                return std::nullopt;
            }
            void send(const std::string&) {}
        } player{playing, shutting_down, may_go};

        auto connection = weft::go([&] { server.handle_player(player); });
        playing.wait();
        std::atomic<bool> completed = false;
        auto shutdown = weft::go([&] { completed = server.graceful_shutdown(); });
        shutting_down.wait();
        EXPECT_FALSE(completed);
        may_go.count_down();
        shutdown.join();
        EXPECT_TRUE(completed);
        connection.join();
    });
}

struct fetched {
    int successes = 0;
    std::vector<std::exception_ptr> failures{};
};

fetched fetch_users_parallel(const std::vector<int>& ids, const std::function<int(int)>& fetch_user) {
    fetched result;
    for (const auto& each : weft::parallel_map(
             ids, 0, [&](int id) { return weft::outcome<int>::of([&] { return fetch_user(id); }); }))
        each ? void(++result.successes) : result.failures.push_back(each.error());
    return result;
}

TEST(Fetcher, FetchUsersParallelReturnsResults) {
    weft::run([] {
        std::atomic<int> calls = 0;
        const fetched users = fetch_users_parallel({1, 2, 3}, [&](int id) { return ++calls, id; });
        EXPECT_EQ(users.successes, 3);
        EXPECT_EQ(users.failures.size(), 0U);
        EXPECT_EQ(calls, 3);
    });
}

TEST(Fetcher, FetchUsersParallelHandlesPartialFailures) {
    weft::run([] {
        const fetched users = fetch_users_parallel({1, 2, 3}, [](int id) {
            if (id == 2) throw std::runtime_error("network error");
            return id;
        });
        EXPECT_EQ(users.successes, 2);
        ASSERT_EQ(users.failures.size(), 1U);
        EXPECT_THROW(std::rethrow_exception(users.failures.front()), std::runtime_error);
    });
}

template <class Fetch>
auto fetch_with_timeout(weft::clock::duration timeout, Fetch fetch) -> std::optional<decltype(fetch())> {
    try {
        return weft::with_timeout(timeout, fetch);
    } catch (const weft::timed_out&) {
        return std::nullopt;
    }
}

TEST(Fetcher, FetchWithTimeoutReturnsNoneOnTimeout) {
    weft::run([] {
        const weft::channel<std::string> silent(0);
        EXPECT_EQ(fetch_with_timeout(10ms, [&] { return silent.recv().value(); }), std::nullopt);
    });
}

} // namespace
