// SPDX-License-Identifier: BSL-1.0
#include "net/running_server.hpp"

#include <weft/cancel.hpp>
#include <weft/sync/latch.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::expect_echo;
using test::failure_of;
using test::gate;
using test::read_exact_text;
using test::read_text;
using test::running;
using test::until;
using test::whereabouts;

using Server = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, Server, test::all_worker_counts(), test::workers_name);

TEST_P(Server, AFiberForEachConnection) {
    run([] {
        running srv({}, test::echo);
        std::vector<tcp_stream> clients;
        for (int i = 0; i < 20; ++i) clients.push_back(srv.connect());
        for (tcp_stream& each : clients) expect_echo(each);
        EXPECT_EQ(srv->statistics().active, 20U);
        EXPECT_EQ(srv->statistics().accepted, 20U);
        clients.clear();
        srv->shutdown();
        srv.join();
        EXPECT_EQ(srv->statistics().active, 0U);
    });
}

TEST_P(Server, ShutdownDrains) {
    run([] {
        running srv({}, test::echo);
        auto client = srv.connect();
        expect_echo(client);
        auto stopping = go([&] { srv->shutdown(24h); });
        until([&] { return !srv.listener().is_open(); });
        // The number is given back when the accept that was waiting has left.
        until([&] { return failure_of([&] { srv.connect(); }) == std::errc::connection_refused; });
        expect_echo(client);
        client.close();
        stopping.join();
        srv.join();
    });
}

TEST_P(Server, ShutdownCancelsWhatDoesNotEnd) {
    run([] {
        std::atomic<int> cancelled_handlers{0};
        running srv({}, [&](tcp_stream stream) {
            try {
                test::echo(std::move(stream));
            } catch (const cancelled&) {
                ++cancelled_handlers;
                throw;
            }
        });
        auto first = srv.connect();
        auto second = srv.connect();
        expect_echo(first);
        expect_echo(second);
        srv->shutdown(1ms);
        srv.join();
        EXPECT_EQ(cancelled_handlers, 2);
        EXPECT_EQ(srv->statistics().failed, 0U);
        EXPECT_EQ(read_text(first, 1), "");
    });
}

TEST_P(Server, ASecondShutdownMayBeShorter) {
    run([] {
        running srv({}, test::echo);
        auto client = srv.connect();
        expect_echo(client);
        auto patient = go([&] { srv->shutdown(24h); });
        until([&] { return !srv.listener().is_open(); });
        srv->shutdown(0s);
        patient.join();
        srv.join();
    });
}

TEST_P(Server, ShutdownFromAHandlerReturns) {
    run([] {
        server* self = nullptr;
        running srv({}, [&](tcp_stream stream) {
            read_exact_text(stream, 1);
            self->shutdown();
            stream.write_all(bytes("bye"));
        });
        self = &*srv;
        auto client = srv.connect();
        client.write_all(bytes("x"));
        EXPECT_EQ(read_exact_text(client, 3), "bye");
        srv.join();
    });
}

TEST_P(Server, ShutdownFromAThread) {
    run([] {
        running srv({}, test::echo);
        auto client = srv.connect();
        expect_echo(client);
        std::thread stopping([&] { srv->shutdown(0s); });
        srv.join();
        stopping.join();
    });
}

TEST_P(Server, AfterShutdownNothingIsServed) {
    run([] {
        server srv;
        srv.shutdown();
        auto listener = tcp_listener::listen("127.0.0.1:0");
        srv.serve(listener, [](tcp_stream) { FAIL(); });
        EXPECT_FALSE(listener.is_open());
    });
}

TEST_P(Server, ExceptionClosesItsConnectionOnly) {
    run([] {
        std::atomic<int> reported{0};
        running srv({.on_error =
                            [&](const std::exception_ptr& error) {
                                try {
                                    std::rethrow_exception(error);
                                } catch (const std::runtime_error& thrown) {
                                    EXPECT_STREQ(thrown.what(), "no");
                                    ++reported;
                                }
                            }},
            [](tcp_stream stream) {
                if (read_exact_text(stream, 1) == "!") throw std::runtime_error("no");
                stream.write_all(bytes("y"));
            });
        auto bad = srv.connect();
        auto good = srv.connect();
        bad.write_all(bytes("!"));
        EXPECT_EQ(read_text(bad, 1), "");
        good.write_all(bytes("?"));
        EXPECT_EQ(read_exact_text(good, 1), "y");
        srv->shutdown();
        srv.join();
        EXPECT_EQ(reported, 1);
        EXPECT_EQ(srv->statistics().failed, 1U);
    });
}

// A deadline that a handler set itself, and let escape, is its own failure; it says nothing of the server.
TEST_P(Server, HandlerThatTimesOutEndsAlone) {
    run([] {
        std::atomic<int> reported{0};
        running srv({.on_error = [&](const std::exception_ptr&) { ++reported; }}, [](tcp_stream stream) {
            if (read_exact_text(stream, 1) == "!") with_timeout(1ms, [&] { read_exact_text(stream, 1); });
            stream.write_all(bytes("y"));
            test::echo(std::move(stream));
        });
        auto good = srv.connect();
        good.write_all(bytes("?"));
        EXPECT_EQ(read_exact_text(good, 1), "y");
        auto late = srv.connect();
        late.write_all(bytes("!"));
        EXPECT_EQ(read_text(late, 1), "");
        expect_echo(good);
        auto next = srv.connect();
        next.write_all(bytes("?"));
        EXPECT_EQ(read_exact_text(next, 1), "y");
        srv->shutdown(0s);
        srv.join();
        EXPECT_EQ(reported, 1);
        EXPECT_EQ(srv->statistics().failed, 1U);
    });
}

// The failure above, with a server that is shut down before it has been reported.
TEST_P(Server, TimeoutBeforeTheShutdownIsAFailure) {
    run([] {
        latch timed_out_already(1);
        std::atomic<int> reported{0};
        running srv({.on_error = [&](const std::exception_ptr&) { ++reported; }}, [&](tcp_stream stream) {
            try {
                with_timeout(1ms, [&] { read_exact_text(stream, 1); });
            } catch (const timed_out&) {
                timed_out_already.count_down();
                EXPECT_THROW(sleep(24h), cancelled);
                throw;
            }
        });
        auto client = srv.connect();
        timed_out_already.wait();
        srv->shutdown(0s);
        srv.join();
        EXPECT_EQ(reported, 1);
        EXPECT_EQ(srv->statistics().failed, 1U);
    });
}

TEST_P(Server, AtCapacityTheNextOneWaits) {
    run([] {
        running srv({.max_connections = 2}, test::echo);
        auto first = srv.connect();
        auto second = srv.connect();
        expect_echo(first);
        expect_echo(second);
        auto third = srv.connect();
        third.write_all(bytes("x"));
        EXPECT_EQ(srv->statistics().accepted, 2U);
        first.close();
        EXPECT_EQ(read_exact_text(third, 1), "x");
        EXPECT_EQ(srv->statistics().active, 2U);
        srv->shutdown(0s);
        srv.join();
    });
}

TEST_P(Server, AtCapacityTheNextOneIsRefused) {
    run([] {
        running srv({.max_connections = 1, .at_capacity = overload::refuse}, test::echo);
        auto first = srv.connect();
        expect_echo(first);
        auto second = srv.connect();
        EXPECT_EQ(read_text(second, 1), "");
        expect_echo(first);
        EXPECT_EQ(srv->statistics().refused, 1U);
        first.close();
        until([&] { return srv->statistics().active == 0; });
        auto third = srv.connect();
        expect_echo(third);
        srv->shutdown(0s);
        srv.join();
    });
}

TEST_P(Server, LimitForEachAddress) {
    run([] {
        running srv({.max_per_address = 2}, test::echo);
        auto first = srv.connect();
        auto second = srv.connect();
        expect_echo(first);
        expect_echo(second);
        auto third = srv.connect();
        EXPECT_EQ(read_text(third, 1), "");
        first.close();
        until([&] { return srv->statistics().active == 1; });
        auto fourth = srv.connect();
        expect_echo(fourth);
        srv->shutdown(0s);
        srv.join();
    });
}

TEST_P(Server, SeveralListenersShareTheLimits) {
    run([] {
        server srv({.max_connections = 2});
        const std::string path = (std::filesystem::temp_directory_path() /
            ("weft-server-" + std::to_string(::getpid()) + "-" + std::to_string(GetParam())))
                                     .string();
        auto tcp = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = tcp.local_endpoint();
        auto local = unix_listener::listen(path);
        const auto handle = [](auto stream) {
            std::array<std::byte, 100> buffer;
            while (const std::size_t size = stream.read_some(buffer))
                stream.write_all(std::span<const std::byte>(buffer).first(size));
        };
        auto serving_tcp = go([&] { srv.serve(std::move(tcp), handle); });
        auto serving_unix = go([&] { srv.serve(local, handle); });
        auto first = tcp_stream::connect(address);
        expect_echo(first);
        auto second = unix_stream::connect(path);
        second.write_all(bytes("x"));
        EXPECT_EQ(read_exact_text(second, 1), "x");
        auto third = unix_stream::connect(path);
        third.write_all(bytes("y"));
        EXPECT_EQ(srv.statistics().active, 2U);
        first.close();
        EXPECT_EQ(read_exact_text(third, 1), "y");
        srv.shutdown(0s);
        serving_tcp.join();
        serving_unix.join();
        EXPECT_FALSE(std::filesystem::exists(path));
    });
}

TEST_P(Server, ClosedListenerEndsServe) {
    run([] {
        running srv({}, test::echo);
        auto client = srv.connect();
        expect_echo(client);
        srv.listener().close();
        expect_echo(client);
        client.close();
        srv.join();
    });
}

TEST_P(Server, CancelledServeCancelsItsHandlers) {
    run([] {
        running srv({}, test::echo);
        auto client = srv.connect();
        expect_echo(client);
        srv.cancel();
        EXPECT_THROW(srv.join(), cancelled);
        EXPECT_EQ(read_text(client, 1), "");
        EXPECT_FALSE(srv.listener().is_open());
    });
}

TEST_P(Server, SilentConnectionsAreEnded) {
    run([] {
        std::atomic<int> timed_out_reads{0};
        running srv({.idle_timeout = 20ms,
                        .on_error =
                            [&](const std::exception_ptr& error) {
                                EXPECT_EQ(failure_of([&] { std::rethrow_exception(error); }),
                                    errc::deadline_exceeded);
                                ++timed_out_reads;
                            }},
            test::echo);
        auto client = srv.connect();
        EXPECT_EQ(read_text(client, 1), "");
        srv->shutdown();
        srv.join();
        EXPECT_EQ(timed_out_reads, 1);
    });
}

// The limit is met by descriptors of the test's own; the connection waits in the backlog meanwhile.
TEST_P(Server, OutOfDescriptorsItPausesAndLosesNothing) {
    run([] {
        running srv({}, test::echo);
        auto client = srv.connect();
        expect_echo(client);
        rlimit before{};
        ::getrlimit(RLIMIT_NOFILE, &before);
        const int spare = ::dup(0);
        const rlimit lowered{static_cast<rlim_t>(spare) + 1, before.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &lowered);
        std::vector<int> taken;
        for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) taken.push_back(fd);
        ::close(spare);
        auto second = srv.connect(); // uses the last one
        second.write_all(bytes("x"));
        expect_echo(client);
        ::setrlimit(RLIMIT_NOFILE, &before);
        EXPECT_EQ(read_exact_text(second, 1), "x");
        for (const int fd : taken) ::close(fd);
        srv->shutdown(0s);
        srv.join();
    });
}

// Connections come, talk and go while the server is shut down: each of them is echoed to, or ended, and all are counted.
TEST_P(Server, ShutdownUnderLoad) {
    run([] {
        for (int round = 0; round < 5; ++round) {
            running srv({.max_connections = 8}, test::echo);
            std::atomic<std::uint64_t> echoed{0};
            std::vector<fiber<void>> clients;
            for (int i = 0; i < 16; ++i) {
                clients.push_back(go([&] {
                    std::error_code ec;
                    try {
                        for (;;) {
                            auto stream = srv.connect();
                            expect_echo(stream);
                            ++echoed;
                        }
                    } catch (const std::system_error&) {
                        return;
                    }
                }));
            }
            until([&] { return echoed > 50; });
            srv->shutdown(10ms);
            srv.join();
            for (auto& each : clients) each.join();
            EXPECT_GE(srv->statistics().accepted, echoed);
            EXPECT_EQ(srv->statistics().active, 0U);
        }
    });
}

} // namespace
} // namespace weft::net
