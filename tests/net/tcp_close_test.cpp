// SPDX-License-Identifier: BSL-1.0
#include "net/tcp_test.hpp"

#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::connection;
using test::failure_of;
using test::fill;
using test::read_exact_text;
using test::read_text;
using test::whereabouts;

using TcpClose = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, TcpClose, test::all_worker_counts(), test::workers_name);

TEST_P(TcpClose, CloseWakesAReader) {
    run([] {
        auto [near, far] = connection();
        whereabouts where;
        auto reader = go([&, &stream = near] {
            where.here();
            return failure_of([&] { read_text(stream, 1); });
        });
        where.await_parked(test::readable);
        near.close();
        EXPECT_EQ(reader.join(), std::errc::operation_canceled);
        EXPECT_EQ(failure_of([&, &stream = near] { read_text(stream, 1); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(read_text(far, 1), "");
    });
}

TEST_P(TcpClose, CloseWakesAWriter) {
    run([] {
        auto [near, far] = connection();
        fill(near);
        whereabouts where;
        auto writer = go([&, &stream = near] {
            where.here();
            std::vector<std::byte> block(1 << 20);
            return failure_of([&] { stream.write_all(block); });
        });
        where.await_parked(test::writable);
        near.close();
        EXPECT_EQ(writer.join(), std::errc::operation_canceled);
        EXPECT_EQ(failure_of([&, &stream = near] { stream.write_all(bytes("x")); }),
            std::errc::bad_file_descriptor);
    });
}

TEST_P(TcpClose, CloseWakesAccept) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        whereabouts first;
        whereabouts second;
        const auto accept_at = [&](whereabouts& where) {
            where.here();
            return failure_of([&] { static_cast<void>(listener.accept()); });
        };
        auto parked = go([&] { return accept_at(first); });
        first.await_parked(test::readable);
        auto queued = go([&] { return accept_at(second); });
        second.await_parked(test::turn_to_read);
        listener.close();
        EXPECT_EQ(parked.join(), std::errc::operation_canceled);
        EXPECT_EQ(queued.join(), std::errc::operation_canceled);
        std::error_code ec;
        EXPECT_FALSE(listener.accept(ec).is_open());
        EXPECT_EQ(ec, std::errc::bad_file_descriptor);
    });
}

TEST_P(TcpClose, SecondCloseFailsAndClosesNothing) {
    run([] {
        auto [near, far] = connection();
        near.close();
        EXPECT_FALSE(near.is_open());
        EXPECT_EQ(near.native_handle(), -1);
        auto [other_near, other_far] = connection(); // takes the number over
        EXPECT_EQ(failure_of([&, &stream = near] { stream.close(); }), std::errc::bad_file_descriptor);
        std::error_code ec;
        near.close(ec);
        EXPECT_EQ(ec, std::errc::bad_file_descriptor);
        other_near.write_all(bytes("alive"));
        EXPECT_EQ(read_exact_text(other_far, 5), "alive");
    });
}

TEST_P(TcpClose, MovedFromIsNotOpen) {
    run([] {
        auto [near, far] = connection();
        tcp_stream moved = std::move(near);
        EXPECT_FALSE(near.is_open()); // NOLINT(bugprone-use-after-move)
        EXPECT_EQ(failure_of([&, &stream = near] { stream.write_all(bytes("x")); }),
            std::errc::bad_file_descriptor);
        EXPECT_EQ(
            failure_of([&, &stream = near] { stream.set_deadline(1s); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&, &stream = near] { stream.shutdown(direction::both); }),
            std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&, &stream = near] { stream.close(); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&, &stream = near] { static_cast<void>(stream.local_endpoint()); }),
            std::errc::bad_file_descriptor);
        moved.write_all(bytes("x"));
        far = std::move(moved);
        EXPECT_TRUE(far.is_open());
        EXPECT_FALSE(tcp_listener().is_open());
    });
}

} // namespace
} // namespace weft::net
