// SPDX-License-Identifier: BSL-1.0
#include "net/tcp_test.hpp"

#include <weft/select.hpp>

#include <array>
#include <atomic>
#include <chrono>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::connection;
using test::failure_of;
using test::fill;
using test::read_exact_text;

constexpr auto nothing = [] {};
constexpr std::string_view selecting = "one of several (select)";

using Readiness = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, Readiness, test::all_worker_counts(), test::workers_name);

TEST_P(Readiness, BytesThatWaitAreReady) {
    run([] {
        auto [near, far] = connection();
        EXPECT_EQ(select(on_readable(near, [] { return 1; }), otherwise([] { return 2; })), 2);
        EXPECT_EQ(select(on_writable(near, [] { return 1; }), otherwise([] { return 2; })), 1);
        far.write_all(bytes("x"));
        EXPECT_EQ(select(on_readable(near, [] { return 1; })), 1);
        EXPECT_EQ(select(on_readable(near, [] { return 1; }), otherwise([] { return 2; })), 1); // still
        EXPECT_EQ(read_exact_text(near, 1), "x");
        EXPECT_EQ(select(on_readable(near, [] { return 1; }), otherwise([] { return 2; })), 2);
    });
}

TEST_P(Readiness, BytesWakeASelectThatWaits) {
    run([] {
        auto [near, far] = connection();
        const channel<int> ch(0);
        for (int i = 0; i < 200; ++i) {
            auto selecting_fiber = go([&, &stream = near] {
                return select(on_recv(ch, [](auto) { return 1; }), on_readable(stream, [] { return 2; }));
            });
            if (i % 2 == 0) {
                far.write_all(bytes("x"));
                EXPECT_EQ(selecting_fiber.join(), 2);
                EXPECT_EQ(read_exact_text(near, 1), "x");
            } else {
                ch.send(1);
                EXPECT_EQ(selecting_fiber.join(), 1);
            }
        }
    });
}

// The poller reports the edge when the select parks; the bytes were read long before.
TEST_P(Readiness, TheEdgeOfBytesThatAreGoneIsNone) {
    run([] {
        auto [near, far] = connection();
        for (int i = 0; i < 20; ++i) {
            far.write_all(bytes("x"));
            EXPECT_EQ(read_exact_text(near, 1), "x");
            EXPECT_EQ(select(on_readable(near, [] { return 1; }), on_timeout(2ms, [] { return 2; })), 2);
        }
    });
}

TEST_P(Readiness, RoomWakesASelectThatWaits) {
    run([] {
        auto [near, far] = connection();
        fill(near);
        test::whereabouts where;
        auto waiting = go([&, &stream = near] {
            where.here();
            return select(on_writable(stream, [] { return 1; }), on_timeout(24h, [] { return 2; }));
        });
        where.await_parked(selecting);
        auto draining = go([&stream = far] {
            std::vector<std::byte> to(1 << 20);
            while (stream.read_some(to) != 0) {}
        });
        EXPECT_EQ(waiting.join(), 1);
        near.close();
        draining.join();
    });
}

TEST_P(Readiness, AConnectionMakesAListenerReady) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        EXPECT_EQ(select(on_readable(listener, [] { return 1; }), otherwise([] { return 2; })), 2);
        auto connecting = go([to = listener.local_endpoint()] { return tcp_stream::connect(to); });
        select(on_readable(listener, nothing));
        EXPECT_TRUE(listener.accept().is_open());
        connecting.join();
    });
}

TEST_P(Readiness, TheEndIsReady) {
    run([] {
        auto [near, far] = connection();
        test::whereabouts where;
        auto waiting = go([&, &stream = near] {
            where.here();
            select(on_readable(stream, nothing), on_timeout(24h, [] { FAIL(); }));
        });
        where.await_parked(selecting);
        far.close();
        waiting.join();
    });
}

TEST_P(Readiness, CloseMakesASelectThrowAsARead) {
    run([] {
        auto [near, far] = connection();
        test::whereabouts where;
        auto waiting = go([&, &stream = near] {
            where.here();
            return failure_of([&] {
                select(on_timeout(24h, [] { FAIL(); }), on_timeout(25h, [] { FAIL(); }),
                    on_readable(stream, [] { FAIL(); }));
            });
        });
        where.await_parked(selecting);
        near.close();
        EXPECT_EQ(waiting.join(), std::errc::operation_canceled);
        EXPECT_EQ(failure_of([&, &stream = near] {
            select(on_readable(stream, [] { FAIL(); }), on_timeout(24h, [] { FAIL(); }));
        }),
            std::errc::bad_file_descriptor);
        EXPECT_EQ(
            failure_of([] { select(on_writable(tcp_stream(), nothing)); }), std::errc::bad_file_descriptor);
    });
}

TEST_P(Readiness, ASelectAccepts) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        const auto accepted = [](tcp_stream stream) { return stream.remote_endpoint(); };
        EXPECT_EQ(select(on_accept(listener, accepted), otherwise([] { return endpoint(); })), endpoint());
        for (int i = 0; i < 50; ++i) {
            test::whereabouts where;
            auto waiting = go([&] {
                where.here();
                return select(on_accept(listener, accepted), on_timeout(24h, [] { return endpoint(); }));
            });
            if (i % 2 == 0) where.await_parked(selecting);
            auto client = tcp_stream::connect(address);
            EXPECT_EQ(waiting.join(), client.local_endpoint());
        }
    });
}

TEST_P(Readiness, AnAcceptAndASelectGetOneConnectionEach) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        for (int i = 0; i < 50; ++i) {
            auto accepting = go([&] { return listener.accept().remote_endpoint(); });
            auto selecting_fiber = go([&] {
                return select(
                    on_accept(listener, [](tcp_stream stream) { return stream.remote_endpoint(); }));
            });
            auto first = tcp_stream::connect(address);
            auto second = tcp_stream::connect(address);
            const endpoint one = accepting.join();
            const endpoint other = selecting_fiber.join();
            EXPECT_NE(one, other);
            EXPECT_TRUE(one == first.local_endpoint() || one == second.local_endpoint());
        }
    });
}

// A connection that came together with another case stays in the backlog, or is its case: never lost between.
TEST_P(Readiness, ASelectLosesNoConnection) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        const channel<int> ch(0);
        constexpr int rounds = 200;
        auto client = go([&] {
            std::array<std::byte, 1> to;
            for (int i = 0; i < rounds; ++i) {
                auto stream = tcp_stream::connect(address);
                stream.read_exactly(to);
            }
        });
        auto sender = go([&] {
            for (int i = 0; i < rounds; ++i) ch.send(i);
        });
        int accepted = 0;
        int received = 0;
        while (accepted < rounds || received < rounds) {
            select(on_accept(listener,
                       [&](tcp_stream stream) {
                           ++accepted;
                           stream.write_all(bytes("x"));
                       }),
                on_recv(ch, [&](auto) { ++received; }));
        }
        client.join();
        sender.join();
    });
}

TEST_P(Readiness, AClosedListenerMakesASelectThrow) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        test::whereabouts where;
        auto waiting = go([&] {
            where.here();
            return failure_of([&] { select(on_accept(listener, [](tcp_stream) { FAIL(); })); });
        });
        where.await_parked(selecting);
        listener.close();
        EXPECT_EQ(waiting.join(), std::errc::operation_canceled);
        EXPECT_EQ(failure_of([] { select(on_accept(tcp_listener(), [](tcp_stream) { FAIL(); })); }),
            std::errc::bad_file_descriptor);
    });
}

// A changed deadline wakes those who read, by numbers of its own; a select must not take them for its cases.
TEST_P(Readiness, DeadlinesDoNotConcernASelect) {
    run([] {
        auto [near, far] = connection();
        const channel<int> a(0), b(0);
        std::atomic<int> result{0};
        test::whereabouts where;
        auto waiting = go([&, &stream = near] {
            where.here();
            result = select(on_readable(stream, [] { return 1; }), on_recv(a, [](auto) { return 2; }),
                on_recv(b, [](auto) { return 3; }));
        });
        where.await_parked(selecting);
        near.set_deadline(-1s);
        near.set_deadline(1h);
        EXPECT_EQ(result, 0);
        b.send(1);
        waiting.join();
        EXPECT_EQ(result, 3);
    });
}

} // namespace
} // namespace weft::net
