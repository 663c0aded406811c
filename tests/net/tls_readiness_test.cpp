// SPDX-License-Identifier: BSL-1.0
#include "net/tls_test.hpp"

#include <weft/select.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::failure_of;
using test::pattern;
using test::read_exact_text;
using test::read_text;
using test::shaken_hands;
using test::whereabouts;

using TlsReadiness = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, TlsReadiness, test::all_worker_counts(), test::workers_name);

constexpr std::string_view selecting = "one of several (select)";

bool readable_now(const test::tls& stream) {
    return select(on_readable(stream, [] { return true; }), otherwise([] { return false; }));
}

TEST_P(TlsReadiness, DecryptedBytesAreReady) {
    run([] {
        auto [near, far] = shaken_hands();
        EXPECT_FALSE(readable_now(near)) << "the tickets are not for the user";
        far.write_all(bytes("ab"));
        far.write_all(bytes("c"));
        for (const char* each : {"a", "b", "c"}) { // decrypted; a record that waits
            EXPECT_EQ(select(on_readable(near, [] { return 1; })), 1);
            EXPECT_TRUE(readable_now(near));
            EXPECT_EQ(read_exact_text(near, 1), each);
        }
        EXPECT_FALSE(readable_now(near));
        EXPECT_TRUE(select(on_writable(near, [] { return true; }), otherwise([] { return false; })));
    });
}

TEST_P(TlsReadiness, PartOfARecordIsNotReady) {
    run([] {
        auto [near, far] = shaken_hands();
        EXPECT_FALSE(readable_now(near));
        const std::string part("\x17\x03\x03\x40\x00"
                               "part of a record",
            21);
        test::forge(far, part);
        EXPECT_EQ(select(on_readable(near, [] { return 1; }), on_timeout(5ms, [] { return 2; })), 2);
        EXPECT_FALSE(readable_now(near));
        test::forge(far, pattern(0x4000));
        EXPECT_EQ(select(on_readable(near, [] { return 1; })), 1) << "that it is forged, a read will tell";
        EXPECT_THROW(read_text(near, 1), io_error);
    });
}

TEST_P(TlsReadiness, BytesWakeASelectThatWaits) {
    run([] {
        auto [near, far] = shaken_hands();
        const channel<int> ch(0);
        for (int i = 0; i < 50; ++i) {
            auto waiting = go([&, &stream = near] {
                return select(on_recv(ch, [](auto) { return 1; }), on_readable(stream, [] { return 2; }));
            });
            if (i % 2 == 0) {
                far.write_all(bytes("x"));
                EXPECT_EQ(waiting.join(), 2);
                EXPECT_EQ(read_exact_text(near, 1), "x");
            } else {
                ch.send(1);
                EXPECT_EQ(waiting.join(), 1);
            }
        }
    });
}

// Between the look of a case and the wait of the select.
TEST_P(TlsReadiness, BytesThatComeBeforeTheWaitAreNotMissed) {
    run([] {
        auto [near, far] = shaken_hands();
        for (int i = 0; i < 10; ++i) {
            auto readable = on_readable(near, [] { return 1; });
            far.write_all(bytes("x"));
            sleep(1ms); // the poller has seen them
            EXPECT_EQ(select(std::move(readable), on_timeout(24h, [] { return 2; })), 1);
            EXPECT_EQ(read_exact_text(near, 1), "x");
        }
    });
}

TEST_P(TlsReadiness, EndsAreReady) {
    run([] {
        const auto wait_for = [](test::tls& stream, auto end) {
            whereabouts where;
            auto waiting = go([&] {
                where.here();
                select(on_readable(stream, [] {}), on_timeout(24h, [] { FAIL(); }));
            });
            where.await_parked(selecting);
            end();
            waiting.join();
            EXPECT_TRUE(readable_now(stream));
        };
        {
            auto [near, far] = shaken_hands();
            wait_for(near, [&stream = far] { stream.shutdown(direction::send); });
        }
        {
            auto [near, far] = shaken_hands();
            wait_for(near, [&stream = far] { stream.next_layer().close(); });
        }
        {
            auto [near, far] = shaken_hands();
            wait_for(near, [&stream = near] { stream.shutdown(direction::receive); });
        }
    });
}

TEST_P(TlsReadiness, ASelectOnWhatIsClosedThrows) {
    run([] {
        auto [near, far] = shaken_hands();
        whereabouts where;
        auto waiting = go([&, &stream = near] {
            where.here();
            return failure_of([&] { select(on_readable(stream, [] { FAIL(); })); });
        });
        where.await_parked(selecting);
        auto closing = go([&stream = near] { stream.close(); }); // it says goodbye, and that wakes the select
        EXPECT_EQ(waiting.join(), std::errc::operation_canceled);
        EXPECT_EQ(failure_of([&, &stream = near] { readable_now(stream); }), std::errc::bad_file_descriptor);
        far.close();
        closing.join();
        EXPECT_EQ(failure_of([&, &stream = near] { readable_now(stream); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&, &stream = near] { select(on_writable(stream, [] { FAIL(); })); }),
            std::errc::bad_file_descriptor);
        const test::tls never_open;
        EXPECT_EQ(failure_of([&] { readable_now(never_open); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&] { select(on_writable(never_open, [] { FAIL(); })); }),
            std::errc::bad_file_descriptor);
    });
}

// The reader takes the record from the transport, and leaves most of it to the select.
TEST_P(TlsReadiness, WhatAReaderLeavesIsReady) {
    run([] {
        auto [near, far] = shaken_hands();
        for (int i = 0; i < 50; ++i) {
            whereabouts first, second;
            auto reader = go([&, &stream = near] {
                first.here();
                return read_exact_text(stream, 1);
            });
            first.await_parked(test::readable);
            auto waiting = go([&, &stream = near] {
                second.here();
                return select(on_readable(stream, [] { return 1; }), on_timeout(24h, [] { return 2; }));
            });
            second.await_parked(selecting);
            far.write_all(bytes("xyz"));
            EXPECT_EQ(reader.join(), "x");
            EXPECT_EQ(waiting.join(), 1);
            EXPECT_EQ(read_exact_text(near, 2), "yz");
        }
    });
}

} // namespace
} // namespace weft::net
