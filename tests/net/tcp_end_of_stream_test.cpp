// SPDX-License-Identifier: BSL-1.0
#include "net/net_test.hpp"

#include <weft/net/tcp.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <system_error>

#include <sys/socket.h>

namespace weft::net {
namespace {

using test::bytes;
using test::connection;
using test::failure_of;
using test::read_exact_text;
using test::read_text;
using test::whereabouts;

using TcpEndOfStream = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, TcpEndOfStream, test::all_worker_counts(), test::workers_name);

TEST_P(TcpEndOfStream, HalfCloseLeavesTheOtherDirection) {
    run([] {
        auto [near, far] = connection();
        near.write_all(bytes("last"));
        near.shutdown(direction::send);
        EXPECT_EQ(read_exact_text(far, 4), "last");
        EXPECT_EQ(read_text(far, 10), "");
        EXPECT_EQ(read_text(far, 10), "") << "for ever";
        EXPECT_EQ(failure_of([&, &stream = near] { stream.write_all(bytes("x")); }), std::errc::broken_pipe);
        far.write_all(bytes("answer"));
        EXPECT_EQ(read_exact_text(near, 6), "answer");
    });
}

TEST_P(TcpEndOfStream, ShutdownOfReceivingEndsAPendingRead) {
    run([] {
        auto [near, far] = connection();
        whereabouts where;
        auto reader = go([&, &stream = near] {
            where.here();
            return read_text(stream, 10);
        });
        where.await_parked(test::readable);
        near.shutdown(direction::receive);
        EXPECT_EQ(reader.join(), "");
        near.shutdown(direction::both);
        EXPECT_EQ(read_text(far, 10), "");
    });
}

TEST_P(TcpEndOfStream, ReadExactlyTellsAnEndFromATornMessage) {
    run([] {
        auto [near, far] = connection();
        near.write_all(bytes("abcdef"));
        near.close();
        EXPECT_EQ(read_exact_text(far, 3), "abc");
        std::array<std::byte, 8> buffer{};
        try {
            far.read_exactly(buffer);
            ADD_FAILURE() << "there were only three";
        } catch (const io_error& error) {
            EXPECT_EQ(error.code(), errc::unexpected_eof);
            EXPECT_EQ(error.transferred(), 3U);
            EXPECT_EQ(std::memcmp(buffer.data(), "def", 3), 0);
        }
        std::error_code ec;
        EXPECT_EQ(far.read_exactly(buffer, ec), 0U);
        EXPECT_EQ(ec, errc::eof);
    });
}

TEST_P(TcpEndOfStream, EmptySpansDoNotWait) {
    run([] {
        auto [near, far] = connection();
        std::error_code ec = errc::eof;
        EXPECT_EQ(far.read_some({}, ec), 0U);
        EXPECT_FALSE(ec);
        EXPECT_EQ(far.read_exactly({}), 0U);
        EXPECT_EQ(far.write_some({}), 0U);
        EXPECT_EQ(far.write_all(std::span<const std::byte>()), 0U);
        far.close();
        EXPECT_EQ(failure_of([&, &stream = far] { stream.read_some({}); }), std::errc::bad_file_descriptor);
    });
}

// Data and the end come close together, in all orders relative to the reader: neither may be missed.
TEST_P(TcpEndOfStream, EndRightBehindDataIsNotMissed) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        auto clients = go([address] {
            for (int i = 0; i < 2000; ++i) {
                auto stream = tcp_stream::connect(address);
                stream.write_all(bytes("first"));
                if (i % 2 == 0) yield();
                stream.write_all(bytes("second"));
                if (i % 3 == 0) yield();
            }
        });
        for (int i = 0; i < 2000; ++i) {
            auto stream = listener.accept();
            std::array<std::byte, 1000> buffer;
            std::size_t sum = 0;
            while (const std::size_t size = stream.read_some(buffer)) sum += size;
            EXPECT_EQ(sum, 11U);
        }
        clients.join();
    });
}

// A receive call stops at the mark of urgent data, although there is more behind it.
TEST_P(TcpEndOfStream, UrgentDataDoesNotHideWhatFollows) {
    run([] {
        for (int i = 0; i < 200; ++i) {
            auto [near, far] = connection();
            near.write_all(bytes("before"));
            ASSERT_EQ(::send(near.native_handle(), "!", 1, MSG_OOB | MSG_NOSIGNAL), 1);
            near.write_all(bytes("after"));
            std::string all;
            while (all.size() < 11) all += read_text(far, 100);
            EXPECT_EQ(all, "beforeafter");
        }
    });
}

} // namespace
} // namespace weft::net
