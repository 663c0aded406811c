// SPDX-License-Identifier: BSL-1.0
#include "net/tls_test.hpp"

#include <weft/cancel.hpp>

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
using test::server_context;
using test::tls_connection;
using test::whereabouts;
using test::write_failure;

using TlsHandshake = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, TlsHandshake, test::all_worker_counts(), test::workers_name);

constexpr std::string_view its_handshake = "a TLS handshake";
constexpr std::string_view its_place = "a place among the TLS handshakes";

// The bytes that a client says first.
std::string client_hello() {
    auto [near_tcp, far] = connection();
    auto near = tls_client(std::move(near_tcp), client_context(), "localhost");
    auto talking = go([&] { return failure_of([&] { near.handshake(); }); });
    std::string text = test::read_exact_text(far, 5);
    const std::size_t size = static_cast<unsigned char>(text[3]) * 256U + static_cast<unsigned char>(text[4]);
    text += test::read_exact_text(far, size);
    far.close();
    talking.join();
    return text;
}

TEST_P(TlsHandshake, AHandshakeThatWasCutShortIsTakenUp) {
    run([] {
        auto [near, far] = tls_connection(client_context(), server_context());
        near.set_read_deadline(2ms);
        EXPECT_EQ(read_failure(near), errc::deadline_exceeded); // after its first message
        near.clear_deadline();
        for (int i = 0; i < 5; ++i) {
            whereabouts first, second;
            auto shaking = go([&, &stream = near] {
                first.here();
                stream.handshake();
            });
            first.await_parked(test::readable);
            auto queued = go([&, &stream = near] {
                second.here();
                stream.write_all(bytes("from the queue"));
            });
            second.await_parked(its_handshake);
            shaking.cancel();
            EXPECT_THROW(shaking.join(), cancelled);
            second.await_parked(test::readable);
            queued.cancel();
            EXPECT_THROW(queued.join(), cancelled);
        }
        auto other_end = go([&stream = far] { return read_exact_text(stream, 1); });
        near.write_all(bytes("x"));
        EXPECT_EQ(other_end.join(), "x");
    });
}

TEST_P(TlsHandshake, AChangedDeadlineReachesWhoWaitsForTheHandshake) {
    run([] {
        auto [near, far] = tls_connection(client_context(), server_context());
        whereabouts reading, writing;
        auto reader = go([&, &stream = near] {
            reading.here();
            return read_failure(stream);
        });
        reading.await_parked(test::readable);
        auto writer = go([&, &stream = near] {
            writing.here();
            return write_failure(stream);
        });
        writing.await_parked(its_handshake);
        near.set_write_deadline(0s);
        EXPECT_EQ(writer.join(), errc::deadline_exceeded);
        reading.await_parked(test::readable);
        near.set_read_deadline(0s);
        EXPECT_EQ(reader.join(), errc::deadline_exceeded);
    });
}

TEST_P(TlsHandshake, AServersHandshakeTimesOut) {
    run([] {
        for (const std::string& said : {std::string(), client_hello().substr(0, 50), client_hello()}) {
            auto [near, far_tcp] = connection();
            auto far = tls_server(std::move(far_tcp), server_context({.handshake_timeout = 10ms}));
            if (!said.empty()) near.write_all(bytes(said));
            std::error_code ec;
            far.handshake(ec);
            EXPECT_EQ(ec, errc::deadline_exceeded);
            far.set_deadline(1h);
            EXPECT_EQ(read_failure(far), errc::deadline_exceeded) << "it stays passed";
        }
    });
}

// From the making of the stream, not from the first call.
TEST_P(TlsHandshake, AServersHandshakeIsTimedFromTheAccept) {
    run([] {
        auto [near, far] = tls_connection(client_context(), server_context({.handshake_timeout = 1ms}));
        auto other_end = go([&stream = near] { return failure_of([&] { stream.handshake(); }); });
        while (select(on_readable(far, [] { return false; }), otherwise([] { return true; }))) yield();
        sleep(2ms);
        EXPECT_EQ(failure_of([&stream = far] { stream.handshake(); }), errc::deadline_exceeded);
        far.close();
        EXPECT_TRUE(other_end.join());
    });
}

TEST_P(TlsHandshake, AClientsHandshakeIsTimedFromItsBeginning) {
    run([] {
        auto [near, far] = tls_connection(client_context({.handshake_timeout = 10ms}), server_context());
        EXPECT_EQ(failure_of([&stream = near] { stream.handshake(); }), errc::deadline_exceeded);
        auto [left, right] = tls_connection(client_context({.handshake_timeout = 1h}), server_context());
        left.set_write_deadline(5ms);
        EXPECT_EQ(failure_of([&stream = left] { stream.handshake(); }), errc::deadline_exceeded);
    });
}

TEST_P(TlsHandshake, ATimeoutOfZeroIsNone) {
    run([] {
        const tls_options unlimited{.handshake_timeout = 0ns, .max_concurrent_handshakes = 0};
        test::shaken_hands(client_context(unlimited), server_context(unlimited));
    });
}

TEST_P(TlsHandshake, GarbageIsNoHandshake) {
    run([] {
        for (const std::string& said :
            {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string(100, '\0'), pattern(5000)}) {
            auto [near, far_tcp] = connection();
            auto far = tls_server(std::move(far_tcp), server_context());
            near.write_all(bytes(said));
            const std::error_code ec = failure_of([&] { far.handshake(); });
            EXPECT_EQ(ec.category(), tls_category()) << ec.message();
            EXPECT_EQ(read_failure(far), ec);
            EXPECT_EQ(write_failure(far), ec);
            far.close();
        }
        auto [near_tcp, far] = connection();
        auto near = tls_client(std::move(near_tcp), client_context(), "localhost");
        far.write_all(bytes("220 mail.example ESMTP\r\n"));
        EXPECT_EQ(failure_of([&] { near.handshake(); }).category(), tls_category());
    });
}

TEST_P(TlsHandshake, HandshakesAtATimeAreLimited) {
    run([] {
        const tls_context server = server_context({.max_concurrent_handshakes = 1});
        const std::string hello = client_hello();
        auto [silent, silent_far] = connection();
        auto silent_server = tls_server(std::move(silent_far), server);
        auto [stalled, stalled_far] = connection();
        auto stalled_server = tls_server(std::move(stalled_far), server);
        auto [near, far] = tls_connection(client_context(), server);
        const auto handshake = [](whereabouts& where, tls_byte_stream& of) {
            return go([&] {
                where.here();
                return failure_of([&] { of.handshake(); });
            });
        };
        whereabouts of_silent, of_stalled, of_far, of_far_again;
        auto silence = handshake(of_silent, silent_server); // who says nothing takes up no place
        of_silent.await_parked(test::readable);
        stalled.write_all(bytes(std::string_view(hello).substr(0, 60)));
        auto stall = handshake(of_stalled, stalled_server);
        const auto has_taken_all = [](const tcp_stream& stream) {
            return select(on_readable(stream, [] { return false; }), otherwise([] { return true; }));
        };
        while (!has_taken_all(stalled_server.next_layer())) yield();
        of_stalled.await_parked(test::readable);
        auto other_end = go([&stream = near] { return failure_of([&] { stream.handshake(); }); });
        auto waits = handshake(of_far, far);
        of_far.await_parked(its_place);
        far.set_deadline(0s); // reaches it there
        EXPECT_EQ(waits.join(), errc::deadline_exceeded);
        far.clear_deadline();
        auto waits_again = handshake(of_far_again, far);
        of_far_again.await_parked(its_place);
        stalled.close();
        EXPECT_EQ(stall.join(), errc::unexpected_eof);
        EXPECT_FALSE(waits_again.join());
        EXPECT_FALSE(other_end.join());
        silent_server.close();
        EXPECT_EQ(silence.join(), std::errc::operation_canceled);
    });
}

} // namespace
} // namespace weft::net
