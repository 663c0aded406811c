// SPDX-License-Identifier: BSL-1.0
#include "net/tls_test.hpp"

#include <weft/cancel.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <system_error>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::failure_of;
using test::pattern;
using test::read_exact_text;
using test::read_failure;
using test::read_text;
using test::read_to_end;
using test::shaken_hands;
using test::whereabouts;
using test::write_failure;

using TlsDeadline = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, TlsDeadline, test::all_worker_counts(), test::workers_name);

constexpr std::string_view turn_to_read = "its turn to read from a TLS stream";

TEST_P(TlsDeadline, AReadThatTimedOutCanBeRepeated) {
    run([] {
        auto [near, far] = shaken_hands();
        far.write_all(bytes("waiting"));
        EXPECT_EQ(read_exact_text(near, 1), "w");
        near.set_read_deadline(0s);
        for (int i = 0; i < 3; ++i) EXPECT_EQ(read_failure(near), errc::deadline_exceeded);
        near.write_all(bytes("other direction"));
        near.set_read_deadline(1h);
        EXPECT_EQ(read_exact_text(near, 6), "aiting");
        near.set_read_deadline(2ms);
        EXPECT_EQ(read_failure(near), errc::deadline_exceeded);
        near.clear_deadline();
        std::array<std::byte, 8> buffer{};
        far.write_all(bytes("abc"));
        select(on_readable(near, [] {}));
        whereabouts where;
        auto reader = go([&, &stream = near] {
            where.here();
            std::error_code ec;
            EXPECT_EQ(stream.read_exactly(buffer, ec), 3U);
            return ec;
        });
        where.await_parked(test::readable);
        near.set_read_deadline(0s);
        EXPECT_EQ(reader.join(), errc::deadline_exceeded);
        near.clear_deadline();
        far.write_all(bytes("x"));
        EXPECT_EQ(read_exact_text(near, 1), "x");
    });
}

TEST_P(TlsDeadline, AChangedDeadlineReachesPendingReads) {
    run([] {
        auto [near, far] = shaken_hands();
        whereabouts first, second;
        const auto start = [&stream = near](whereabouts& where) {
            return go([&] {
                where.here();
                return read_failure(stream);
            });
        };
        auto reader = start(first);
        first.await_parked(test::readable);
        auto queued = start(second);
        second.await_parked(turn_to_read);
        near.set_deadline(1h);
        near.set_write_deadline(0s);
        first.await_parked(test::readable);
        second.await_parked(turn_to_read);
        near.set_read_deadline(0s);
        EXPECT_EQ(reader.join(), errc::deadline_exceeded);
        EXPECT_EQ(queued.join(), errc::deadline_exceeded);
    });
}

TEST_P(TlsDeadline, AfterAWriteThatTimedOutThereIsNoOther) {
    run([] {
        auto [near, far] = shaken_hands();
        const std::string much = pattern(16 << 20);
        whereabouts where;
        auto writer = go([&, &stream = near] {
            where.here();
            std::error_code ec;
            const std::size_t written = stream.write_all(bytes(much), ec);
            EXPECT_EQ(ec, errc::deadline_exceeded);
            return written;
        });
        where.await_parked(test::writable);
        near.set_write_deadline(0s);
        const std::size_t written = writer.join();
        EXPECT_GT(written, 0U);
        near.clear_deadline();
        EXPECT_EQ(write_failure(near), std::errc::broken_pipe);
        EXPECT_EQ(failure_of([&stream = near] { stream.shutdown(direction::send); }), std::errc::broken_pipe);
        far.write_all(bytes("x"));
        EXPECT_EQ(read_exact_text(near, 1), "x"); // the other direction lives on
        auto closing = go([&stream = near] { stream.close(); });
        EXPECT_TRUE(read_exact_text(far, written) == much.substr(0, written));
        EXPECT_EQ(failure_of([&stream = far] { read_to_end(stream); }), errc::unexpected_eof);
        closing.join();
    });
}

TEST_P(TlsDeadline, AfterAWriteThatWasCancelledThereIsNoOther) {
    run([] {
        auto [near, far] = shaken_hands();
        const std::string much = pattern(16 << 20);
        whereabouts where;
        auto writer = go([&, &stream = near]() -> std::size_t {
            where.here();
            try {
                stream.write_all(bytes(much));
            } catch (const cancelled& early) {
                return early.transferred();
            }
            return 0;
        });
        where.await_parked(test::writable);
        writer.cancel();
        const std::size_t written = writer.join();
        EXPECT_GT(written, 0U);
        EXPECT_EQ(write_failure(near), std::errc::broken_pipe);
        EXPECT_TRUE(read_exact_text(far, written) == much.substr(0, written));
    });
}

TEST_P(TlsDeadline, AWriteThatHadNotBegunLeavesTheNextOnesAlone) {
    run([] {
        auto [near, far] = shaken_hands();
        near.set_write_deadline(0s);
        EXPECT_EQ(write_failure(near), errc::deadline_exceeded);
        near.clear_deadline();
        {
            cancel_scope scope;
            scope.cancel();
            EXPECT_THROW(write_failure(near), cancelled);
        }
        near.write_all(bytes("x"));
        EXPECT_EQ(read_exact_text(far, 1), "x");
    });
}

TEST_P(TlsDeadline, ACancelledReaderTookNothing) {
    run([] {
        auto [near, far] = shaken_hands();
        for (int i = 0; i < 20; ++i) {
            whereabouts where;
            auto reader = go([&, &stream = near] {
                where.here();
                return read_text(stream, 1);
            });
            where.await_parked(test::readable);
            reader.cancel();
            EXPECT_THROW(reader.join(), cancelled);
        }
        far.write_all(bytes("whole"));
        EXPECT_EQ(read_exact_text(near, 5), "whole");
        far.write_all(bytes("abc"));
        select(on_readable(near, [] {}));
        whereabouts where;
        auto reader = go([&, &stream = near]() -> std::size_t {
            where.here();
            std::array<std::byte, 8> buffer{};
            try {
                stream.read_exactly(buffer);
            } catch (const cancelled& early) {
                return early.transferred();
            }
            return 0;
        });
        where.await_parked(test::readable);
        reader.cancel();
        EXPECT_EQ(reader.join(), 3U);
    });
}

} // namespace
} // namespace weft::net
