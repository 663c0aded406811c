// SPDX-License-Identifier: BSL-1.0
#include "net/tcp_test.hpp"

#include <chrono>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::connection;
using test::echo;
using test::failure_of;
using test::read_exact_text;
using test::read_text;
using test::whereabouts;

TEST(TcpOnThreads, PlainThreadsBlock) {
    auto listener = tcp_listener::listen("127.0.0.1:0");
    std::thread server([&] {
        auto peer = listener.accept();
        echo(std::move(peer));
    });
    auto stream = tcp_stream::connect(listener.local_endpoint());
    for (int i = 0; i < 100; ++i) {
        stream.write_all(bytes("ping"));
        EXPECT_EQ(read_exact_text(stream, 4), "ping");
    }
    stream.set_read_deadline(1ms);
    EXPECT_EQ(failure_of([&] { read_text(stream, 1); }), errc::deadline_exceeded);
    stream.close();
    server.join();
}

TEST(TcpOnThreads, CloseFromAThreadWakesAFiber) {
    auto listener = tcp_listener::listen("127.0.0.1:0");
    whereabouts where;
    auto accepting = go([&] {
        where.here();
        return failure_of([&] { static_cast<void>(listener.accept()); });
    });
    where.await_parked(test::readable);
    listener.close();
    EXPECT_EQ(accepting.join(), std::errc::operation_canceled);
}

TEST(TcpOnThreads, StreamMayOutliveItsRuntime) {
    tcp_stream near;
    tcp_stream far;
    run([&] { std::tie(near, far) = connection(); });
    near.write_all(bytes("x"));
    EXPECT_EQ(read_exact_text(far, 1), "x");
    far.set_read_deadline(1ms);
    EXPECT_EQ(failure_of([&] { read_text(far, 1); }), errc::deadline_exceeded);
    near.close();
}

} // namespace
} // namespace weft::net
