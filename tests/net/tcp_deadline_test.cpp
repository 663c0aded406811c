// SPDX-License-Identifier: BSL-1.0
#include "net/tcp_test.hpp"

#include <chrono>
#include <cstddef>
#include <system_error>
#include <vector>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::connection;
using test::drain;
using test::failure_of;
using test::read_exact_text;
using test::read_text;
using test::whereabouts;

using TcpDeadline = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, TcpDeadline, test::all_worker_counts(), test::workers_name);

TEST_P(TcpDeadline, PassedDeadlineFailsEvenWithBytesWaiting) {
    run([] {
        auto [near, far] = connection();
        near.write_all(bytes("waiting"));
        EXPECT_EQ(read_exact_text(far, 1), "w");
        far.set_deadline(0s);
        for (int i = 0; i < 3; ++i) {
            EXPECT_EQ(failure_of([&, &stream = far] { read_text(stream, 1); }), errc::deadline_exceeded);
            EXPECT_EQ(
                failure_of([&, &stream = far] { stream.write_all(bytes("x")); }), errc::deadline_exceeded);
        }
        EXPECT_EQ(make_error_code(errc::deadline_exceeded), std::errc::timed_out);
        EXPECT_NE(make_error_code(errc::deadline_exceeded), make_error_code(std::errc::timed_out));
        far.set_read_deadline(1h);
        EXPECT_EQ(read_exact_text(far, 1), "a");
        EXPECT_EQ(failure_of([&, &stream = far] { stream.write_all(bytes("x")); }), errc::deadline_exceeded);
        far.set_write_deadline(1h);
        far.set_read_deadline(-1s);
        far.write_all(bytes("x"));
        EXPECT_EQ(failure_of([&, &stream = far] { read_text(stream, 1); }), errc::deadline_exceeded);
        far.clear_deadline();
        EXPECT_EQ(read_exact_text(far, 5), "iting");
    });
}

TEST_P(TcpDeadline, DeadlineEndsAPendingRead) {
    run([] {
        auto [near, far] = connection();
        far.set_deadline(clock::now() + 2ms);
        EXPECT_EQ(failure_of([&, &stream = far] { read_text(stream, 1); }), errc::deadline_exceeded);
        far.set_read_deadline(std::chrono::duration<double>(1e300));
        near.write_all(bytes("x"));
        EXPECT_EQ(read_exact_text(far, 1), "x");
    });
}

TEST_P(TcpDeadline, ChangedDeadlineReachesAPendingRead) {
    run([] {
        auto [near, far] = connection();
        whereabouts where;
        auto reader = go([&, &stream = far] {
            where.here();
            return failure_of([&] { read_text(stream, 1); });
        });
        where.await_parked(test::readable);
        far.set_deadline(1h);
        where.await_parked(test::readable);
        far.set_write_deadline(0s);
        far.clear_deadline();
        where.await_parked(test::readable);
        far.set_read_deadline(0s);
        EXPECT_EQ(reader.join(), errc::deadline_exceeded);
    });
}

TEST_P(TcpDeadline, PostponedDeadlineLeavesAPendingRead) {
    run([] {
        auto [near, far] = connection();
        whereabouts where;
        far.set_deadline(1h);
        auto reader = go([&, &stream = far] {
            where.here();
            return read_exact_text(stream, 1);
        });
        for (int i = 0; i < 20; ++i) {
            where.await_parked(test::readable);
            far.set_deadline(2h);
        }
        near.write_all(bytes("x"));
        EXPECT_EQ(reader.join(), "x");
    });
}

TEST_P(TcpDeadline, DeadlineCountsWhileQueueing) {
    run([] {
        auto [near, far] = connection();
        whereabouts first;
        whereabouts second;
        auto holder = go([&, &stream = far] {
            first.here();
            return failure_of([&] { read_text(stream, 1); });
        });
        first.await_parked(test::readable);
        auto queued = go([&, &stream = far] {
            second.here();
            return failure_of([&] { read_text(stream, 1); });
        });
        second.await_parked(test::turn_to_read);
        far.set_read_deadline(1ms);
        EXPECT_EQ(queued.join(), errc::deadline_exceeded);
        EXPECT_EQ(holder.join(), errc::deadline_exceeded);
    });
}

TEST_P(TcpDeadline, StalledPeerEndsAWriteWithWhatItHadWritten) {
    run([] {
        auto [near, far] = connection();
        const std::vector<std::byte> much(16 << 20);
        near.set_write_deadline(20ms);
        std::size_t written = 0;
        try {
            near.write_all(much);
            ADD_FAILURE() << "nobody read";
        } catch (const io_error& error) {
            EXPECT_EQ(error.code(), errc::deadline_exceeded);
            written = error.transferred();
        }
        EXPECT_GT(written, 0U);
        near.shutdown(direction::send);
        EXPECT_EQ(drain(far), written);
    });
}

TEST_P(TcpDeadline, ACancelledWriteSaysHowMuchItHadWritten) {
    run([] {
        auto [near, far] = connection();
        const std::vector<std::byte> much(16 << 20);
        std::size_t written = 0;
        try {
            with_timeout(20ms, [&, &stream = near] { stream.write_all(much); });
            ADD_FAILURE() << "nobody read";
        } catch (const timed_out& early) {
            written = early.transferred();
        }
        EXPECT_GT(written, 0U);
        near.shutdown(direction::send);
        EXPECT_EQ(drain(far), written);
    });
}

TEST_P(TcpDeadline, ACancelledReadSaysHowMuchItHadRead) {
    run([] {
        auto [near, far] = connection();
        near.write_all(bytes("abc"));
        std::array<std::byte, 8> buffer{};
        try {
            with_timeout(20ms, [&, &stream = far] { stream.read_exactly(buffer); });
            ADD_FAILURE() << "nobody wrote more";
        } catch (const timed_out& early) {
            EXPECT_EQ(early.transferred(), 3U);
        }
        EXPECT_EQ(buffer[2], std::byte{'c'});
    });
}

TEST_P(TcpDeadline, ListenerHasADeadline) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const auto client = tcp_stream::connect(listener.local_endpoint());
        listener.set_deadline(0s);
        EXPECT_EQ(failure_of([&] { static_cast<void>(listener.accept()); }), errc::deadline_exceeded);
        listener.clear_deadline();
        EXPECT_TRUE(listener.accept().is_open());
        listener.set_deadline(1ms);
        EXPECT_EQ(failure_of([&] { static_cast<void>(listener.accept()); }), errc::deadline_exceeded);
    });
}

} // namespace
} // namespace weft::net
