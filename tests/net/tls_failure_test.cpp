// SPDX-License-Identifier: BSL-1.0
#include "net/tls_test.hpp"

#include <weft/cancel.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::client_context;
using test::connection;
using test::failure_of;
using test::pattern;
using test::read_exact_text;
using test::read_failure;
using test::read_text;
using test::read_to_end;
using test::server_context;
using test::shaken_hands;
using test::tls_connection;
using test::whereabouts;
using test::write_failure;

using TlsFailure = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, TlsFailure, test::all_worker_counts(), test::workers_name);

constexpr std::string_view turn_to_read = "its turn to read from a TLS stream";
constexpr std::string_view turn_to_write = "its turn to write to a TLS stream";
constexpr std::string_view its_handshake = "a TLS handshake";

// --- ends

TEST_P(TlsFailure, ACutConnectionIsNoEnd) {
    run([] {
        auto [near, far] = shaken_hands();
        far.write_all(bytes("cut"));
        far.next_layer().close();
        EXPECT_EQ(read_exact_text(near, 3), "cut");
        for (int i = 0; i < 2; ++i) EXPECT_EQ(read_failure(near), errc::unexpected_eof);
        std::array<std::byte, 4> buffer{};
        EXPECT_EQ(failure_of([&, &stream = near] { stream.read_exactly(buffer); }), errc::unexpected_eof);

        auto [left, right] = shaken_hands();
        { const test::tls gone = std::move(right); } // the destructor says no goodbye
        EXPECT_EQ(read_failure(left), errc::unexpected_eof);
    });
}

TEST_P(TlsFailure, ACutRecordIsNoEnd) {
    run([] {
        auto [near, far] = shaken_hands();
        const std::string start("\x17\x03\x03\x01\x00"
                                "part of a record",
            21);
        test::forge(far, start);
        far.next_layer().close();
        EXPECT_EQ(read_failure(near), errc::unexpected_eof);
    });
}

TEST_P(TlsFailure, AForgedRecordEndsTheConnection) {
    run([] {
        auto [near, far] = shaken_hands();
        test::forge(far, "\x17\x03\x03\x01\x2c" + std::string(300, 'x'));
        const std::error_code ec = read_failure(near);
        EXPECT_EQ(ec.category(), tls_category());
        EXPECT_EQ(read_failure(near), ec);
        EXPECT_EQ(write_failure(near), ec);
        EXPECT_EQ(read_failure(far).category(), tls_category()); // the alert
        near.close();
    });
}

TEST_P(TlsFailure, AnOrderlyEndIsOne) {
    run([] {
        auto [near, far] = shaken_hands();
        far.write_all(bytes("end"));
        far.shutdown(direction::send);
        far.shutdown(direction::send); // once more is no error
        std::array<std::byte, 4> buffer{};
        std::error_code ec;
        EXPECT_EQ(near.read_exactly(buffer, ec), 3U);
        EXPECT_EQ(ec, errc::unexpected_eof);
        EXPECT_EQ(near.read_exactly(buffer, ec), 0U);
        EXPECT_EQ(ec, errc::eof);
        EXPECT_EQ(near.read_some(buffer, ec), 0U);
        EXPECT_FALSE(ec);

        EXPECT_EQ(write_failure(far), std::errc::broken_pipe);
        near.write_all(bytes("still heard"));
        EXPECT_EQ(read_exact_text(far, 11), "still heard");
        near.shutdown(direction::both);
        EXPECT_EQ(read_text(far, 1), "");
    });
}

TEST_P(TlsFailure, ReadsCanBeEnded) {
    run([] {
        auto [near, far] = shaken_hands();
        whereabouts where;
        auto reader = go([&, &stream = near] {
            where.here();
            return read_text(stream, 1);
        });
        where.await_parked(test::readable);
        near.shutdown(direction::receive);
        EXPECT_EQ(reader.join(), "");
        EXPECT_EQ(read_text(near, 1), "");
        near.write_all(bytes("x"));
        EXPECT_EQ(read_exact_text(far, 1), "x");
    });
}

// --- close

TEST_P(TlsFailure, CloseHearsThePeerOut) {
    run([] {
        auto [near, far] = shaken_hands();
        const std::string much = pattern(200'000);
        auto closing = go([&stream = near] { stream.close(); });
        EXPECT_EQ(read_text(far, 1), "");
        far.write_all(bytes(much)); // would fail if the connection were closed with bytes unread
        far.close();
        closing.join();
        EXPECT_FALSE(near.is_open());
        EXPECT_EQ(read_failure(near), std::errc::bad_file_descriptor);
        EXPECT_EQ(write_failure(near), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&stream = near] { stream.close(); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&stream = near] { stream.handshake(); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&stream = near] { stream.shutdown(direction::send); }),
            std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&stream = near] { stream.set_deadline(1s); }), std::errc::bad_file_descriptor);
    });
}

TEST_P(TlsFailure, CloseWaitsForASilentPeerAsLongAsTheDeadlineSays) {
    run([] {
        auto [near, far] = shaken_hands();
        near.set_deadline(5ms);
        near.close();
        EXPECT_EQ(read_text(far, 1), ""); // it was told all the same

        auto [left, right] = shaken_hands();
        left.set_deadline(0s);
        left.close();
        EXPECT_EQ(read_text(right, 1), "");
    });
}

// The same if nobody sets a deadline: a second is enough.
TEST(TlsClose, EndsThoughThePeerIsSilent) {
    auto [near, far] = shaken_hands();
    near.close();
    EXPECT_EQ(read_text(far, 1), "");
}

TEST_P(TlsFailure, CloseIsNotCancelled) {
    run([] {
        auto [near, far] = shaken_hands();
        auto closing = go([&stream = near] {
            cancel_scope scope;
            scope.cancel();
            EXPECT_THROW(read_text(stream, 1), cancelled);
            stream.close();
        });
        EXPECT_EQ(read_text(far, 1), "");
        far.close();
        closing.join();
    });
}

TEST_P(TlsFailure, CloseEndsPendingCalls) {
    run([] {
        auto [near, far] = shaken_hands();
        whereabouts reading, queued_to_read, writing, queued_to_write;
        const std::string much = pattern(16 << 20);
        const auto start = [](whereabouts& where, auto f) {
            return go([&where, f] {
                where.here();
                return failure_of(f);
            });
        };
        auto reader = start(reading, [&stream = near] { read_text(stream, 1); });
        reading.await_parked(test::readable);
        auto next_reader = start(queued_to_read, [&stream = near] { read_text(stream, 1); });
        queued_to_read.await_parked(turn_to_read);
        auto writer = start(writing, [&, &stream = near] { stream.write_all(bytes(much)); });
        writing.await_parked(test::writable);
        auto next_writer = start(queued_to_write, [&, &stream = near] { stream.write_all(bytes(much)); });
        queued_to_write.await_parked(turn_to_write);
        near.close();
        EXPECT_EQ(reader.join(), std::errc::operation_canceled);
        EXPECT_EQ(next_reader.join(), std::errc::operation_canceled);
        EXPECT_EQ(writer.join(), std::errc::operation_canceled);
        EXPECT_EQ(next_writer.join(), std::errc::operation_canceled);
        const std::error_code cut = failure_of([&stream = far] { read_to_end(stream); });
        EXPECT_TRUE(cut == errc::unexpected_eof || cut == std::errc::connection_reset)
            << "what was cut short was given out for whole: " << cut.message();
    });
}

TEST_P(TlsFailure, CloseEndsAHandshake) {
    run([] {
        auto [near, far] = tls_connection(client_context(), server_context());
        whereabouts shaking, queued;
        auto handshake = go([&, &stream = near] {
            shaking.here();
            return failure_of([&] { stream.handshake(); });
        });
        shaking.await_parked(test::readable);
        auto reader = go([&, &stream = near] {
            queued.here();
            return read_failure(stream);
        });
        queued.await_parked(its_handshake);
        near.close();
        EXPECT_EQ(handshake.join(), std::errc::operation_canceled);
        EXPECT_EQ(reader.join(), std::errc::operation_canceled);
        EXPECT_EQ(failure_of([&stream = far] { stream.handshake(); }), errc::unexpected_eof);
    });
}

} // namespace
} // namespace weft::net
