// SPDX-License-Identifier: BSL-1.0
#include "net/tcp_test.hpp"
#include "net/tls_test.hpp"
#include "tls/tls_error.hpp"

#include <weft/cancelled.hpp>
#include <weft/net/copy.hpp>
#include <weft/net/split.hpp>
#include <weft/net/tls.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace weft::net {
namespace {

using test::bytes;
using test::client_context;
using test::failure_of;
using test::pattern;
using test::read_exact_text;
using test::read_text;
using test::read_to_end;
using test::server_context;
using test::shaken_hands;
using test::tls_connection;

using TlsTransfer = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, TlsTransfer, test::all_worker_counts(), test::workers_name);

constexpr tls_options only_1_2{.maximum_version = tls_version::tls_1_2};

// --- transfers

TEST_P(TlsTransfer, MuchGoesBothWaysAtOnce) {
    run([] {
        auto [near, far] = shaken_hands();
        const std::string much = pattern(10 << 20);
        const auto write = [&much](test::tls& to) {
            to.write_all(bytes(much));
            to.shutdown(direction::send);
        };
        auto near_writes = go([&, &stream = near] { write(stream); });
        auto far_writes = go([&, &stream = far] { write(stream); });
        auto far_reads = go([&, &stream = far] { EXPECT_TRUE(read_to_end(stream) == much); });
        EXPECT_TRUE(read_to_end(near) == much);
        near_writes.join();
        far_writes.join();
        far_reads.join();
    });
}

TEST_P(TlsTransfer, AnySizeArrivesWhole) {
    run([] {
        auto [near, far] = shaken_hands();
        for (const std::size_t size :
            {1, 2047, 2048, 2049, 16383, 16384, 16385, 65535, 65536, 65537, 200'001}) {
            const std::string text = pattern(size);
            auto writing = go([&, &stream = near] { EXPECT_EQ(stream.write_all(bytes(text)), text.size()); });
            EXPECT_TRUE(read_exact_text(far, size) == text) << size;
            writing.join();
        }
        EXPECT_EQ(near.write_all(bytes("")), 0U);
        EXPECT_EQ(near.write_some(bytes("")), 0U);
        EXPECT_EQ(far.read_some({}), 0U);
        EXPECT_EQ(far.read_exactly({}), 0U);
    });
}

TEST_P(TlsTransfer, ByteByByte) {
    run([] {
        auto [near, far] = shaken_hands();
        const std::string text = pattern(2000);
        auto writing = go([&, &stream = near] {
            for (const char& each : text) stream.write_all(std::as_bytes(std::span(&each, 1)));
            stream.write_all(bytes(text));
        });
        std::string got;
        while (got.size() < 2 * text.size()) got += read_exact_text(far, 1);
        EXPECT_TRUE(got == text + text);
        writing.join();
    });
}

TEST_P(TlsTransfer, WriteSomeWritesARecord) {
    run([] {
        auto [near, far] = shaken_hands();
        const std::string text = pattern(100'000);
        const std::size_t some = near.write_some(bytes(text));
        EXPECT_EQ(some, 16384U);
        EXPECT_TRUE(read_exact_text(far, some) == text.substr(0, some));
    });
}

TEST_P(TlsTransfer, PiecesArriveInOrder) {
    run([] {
        auto [near, far] = shaken_hands();
        const std::string text = pattern(150'000);
        const std::string_view all = text;
        const std::vector<std::string_view> parts{all.substr(0, 1), all.substr(1, 0), all.substr(1, 5000),
            all.substr(5001, 40'000), all.substr(45'001, 3), all.substr(45'004), all.substr(150'000)};
        std::vector<std::span<const std::byte>> pieces;
        for (const std::string_view part : parts) pieces.push_back(bytes(part));
        auto writing = go([&, &stream = near] { EXPECT_EQ(stream.write_all(pieces), text.size()); });
        EXPECT_TRUE(read_exact_text(far, text.size()) == text);
        writing.join();
    });
}

TEST_P(TlsTransfer, WritesAreNotInterleaved) {
    run([] {
        constexpr std::size_t size = 100'000;
        auto [near, far] = shaken_hands();
        std::vector<fiber<void>> all;
        for (std::size_t i = 0; i < 6; ++i)
            all.push_back(go([&stream = near, i] {
                stream.write_all(bytes(std::string(size, static_cast<char>('a' + i))));
            }));
        std::string letters;
        for (std::size_t i = 0; i < all.size(); ++i) {
            const std::string block = read_exact_text(far, size);
            EXPECT_TRUE(block == std::string(size, block.front()));
            letters += block.front();
        }
        std::sort(letters.begin(), letters.end());
        EXPECT_EQ(letters, "abcdef");
        for (auto& each : all) each.join();
    });
}

TEST_P(TlsTransfer, SeveralReadersGetEachByteOnce) {
    run([] {
        auto [near, far] = shaken_hands();
        std::atomic<std::size_t> sum{0};
        std::vector<fiber<void>> readers;
        for (int i = 0; i < 4; ++i)
            readers.push_back(go([&, &stream = far] {
                for (std::string part = read_text(stream, 777); !part.empty(); part = read_text(stream, 777))
                    sum += part.size();
            }));
        near.write_all(bytes(pattern(500'000)));
        near.shutdown(direction::send);
        for (auto& each : readers) each.join();
        EXPECT_EQ(sum, 500'000U);
    });
}

TEST(TlsOnThreads, ReadersAndWritersAtOnce) {
    const tls_context server = server_context(), client = client_context();
    auto [near, far] = tls_connection(client, server);
    const std::string much = pattern(1 << 20);
    const auto write = [&much](test::tls& stream) { stream.write_all(bytes(much)); };
    const auto read = [&much](
                          test::tls& stream) { EXPECT_TRUE(read_exact_text(stream, much.size()) == much); };
    std::thread a([&, &stream = near] { write(stream); });
    std::thread b([&, &stream = near] { read(stream); });
    std::thread c([&, &stream = far] { write(stream); });
    auto d = go([&, &stream = far] { read(stream); });
    a.join();
    b.join();
    c.join();
    d.join();
}

TEST_P(TlsTransfer, LinesAndFrames) {
    run([] {
        auto [near, far] = shaken_hands();
        auto writing = go([&stream = near] {
            stream.write_all(bytes("first\r\nsecond\n"));
            framed<length_prefix<std::uint32_t>, test::tls&> frames(stream, 1000);
            frames.write(bytes("third"));
            stream.shutdown(direction::send);
        });
        buffered_reader<test::tls&> reader(far, 1000);
        EXPECT_EQ(reader.read_line(), "first");
        EXPECT_EQ(select(on_readable(reader, [] { return 1; })), 1);
        EXPECT_EQ(reader.read_line(), "second");
        std::string frame(9, '\0');
        reader.read_exactly(std::as_writable_bytes(std::span(frame)));
        EXPECT_EQ(frame, std::string("\0\0\0\5third", 9));
        EXPECT_EQ(reader.read_line(), std::nullopt);
        writing.join();
    });
}

// A proxy that terminates TLS; the ends of either direction are passed on.
TEST_P(TlsTransfer, CopiedInBothDirections) {
    run([] {
        auto [near, outside] = shaken_hands();
        auto [inside, far] = test::connection();
        const std::string much = pattern(1 << 20);
        auto proxy = go([&, &a = outside, &b = inside] { return copy_bidirectional(a, b); });
        auto service = go([&, &stream = far] {
            EXPECT_TRUE(read_exact_text(stream, much.size()) == much);
            EXPECT_EQ(read_text(stream, 1), "");
            stream.write_all(bytes(much));
            stream.close();
        });
        near.write_all(bytes(much));
        near.shutdown(direction::send);
        EXPECT_TRUE(read_to_end(near) == much);
        service.join();
        EXPECT_EQ(proxy.join().first_to_second, much.size());
    });
}

TEST_P(TlsTransfer, InHalves) {
    run([] {
        auto [near, far] = shaken_hands();
        auto [reader, writer] = split(std::move(near));
        auto writing = go([half = std::move(writer)]() mutable { half.write_all(bytes("bytes")); });
        EXPECT_EQ(read_to_end(far), "bytes");
        writing.join();
        far.write_all(bytes("answer"));
        far.shutdown(direction::send);
        EXPECT_EQ(read_exact_text(reader, 6), "answer");
        EXPECT_EQ(read_text(reader, 1), "");
    });
}

// There is no room for close_notify, and never will be.
TEST(TlsHalves, TheEndOfOneDoesNotWaitForEver) {
    auto [near, far] = shaken_hands();
    test::fill(near.next_layer());
    auto [reader, writer] = split(std::move(near));
    { const auto gone = std::move(writer); }
    EXPECT_TRUE(reader.is_open());
}

// --- what OpenSSL does on the side

TEST_P(TlsTransfer, ErrorsOfOthersAreNotOurs) {
    run([] {
        auto [near, far] = shaken_hands();
        const auto raise = [] { ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR); };
        raise();
        std::error_code ec;
        std::array<std::byte, 1> byte{};
        far.set_read_deadline(std::chrono::milliseconds(2));
        EXPECT_EQ(far.read_some(byte, ec), 0U);
        EXPECT_EQ(ec, errc::deadline_exceeded);
        far.clear_deadline();
        raise();
        near.write_all(bytes("x"));
        raise();
        EXPECT_EQ(read_exact_text(far, 1), "x");
        EXPECT_THROW(client_context({.alpn = {""}}), io_error);
        raise();
        EXPECT_NE(near.peer_fingerprint(), "");
        EXPECT_EQ(ERR_peek_error(), 0U);
        test::forge(far, "\x17\x03\x03\x01\x2c" + std::string(300, 'x'));
        EXPECT_EQ(test::read_failure(near).category(), tls_category());
        EXPECT_EQ(ERR_peek_error(), 0U);
        {
            const openssl_errors ours;
            raise();
        }
        EXPECT_EQ(ERR_peek_error(), 0U);
    });
}

// A TLS record, with its header.
std::string read_record(tcp_stream& from) {
    std::string record = read_exact_text(from, 5);
    record += read_exact_text(
        from, static_cast<unsigned char>(record[3]) * 256U + static_cast<unsigned char>(record[4]));
    return record;
}

// A ticket in several records, of which the first has come: until the rest has, OpenSSL neither writes nor ends the connection.
TEST_P(TlsTransfer, AMessageThatCameInPartIsCompletedBeforeAWrite) {
    run([] {
        for (const bool writes : {true, false}) {
            auto [near_tcp, relay_near] = test::connection();
            auto [relay_far, far_tcp] = test::connection();
            auto near = tls_client(std::move(near_tcp), client_context(), "localhost");
            auto far = tls_server(std::move(far_tcp), server_context());
            SSL_set_max_send_fragment(far.native_handle(), 512);
            SSL_CTX_set_session_ticket_cb(
                SSL_get_SSL_CTX(far.native_handle()),
                [](SSL* ssl, void*) {
                    const std::string much(600, 'x');
                    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), much.data(), much.size());
                },
                nullptr, nullptr);
            auto server_side = go([&] {
                far.handshake();
                return read_text(far, 2);
            });
            auto client_side = go([&] { near.handshake(); });
            relay_far.write_all(bytes(read_record(relay_near)));
            auto answer = go([&from = relay_far, &to = relay_near] {
                for (;;) to.write_all(bytes(read_record(from)));
            });
            const std::string change_of_cipher = read_record(relay_near);
            const std::string finished = read_record(relay_near);
            client_side.join();
            answer.cancel();
            EXPECT_THROW(answer.join(), cancelled);
            relay_far.write_all(bytes(change_of_cipher + finished));
            const std::string part = read_record(relay_far);
            ASSERT_GT(part.size(), 512U);
            relay_near.write_all(bytes(part));
            EXPECT_EQ(select(on_readable(near, [] { return 1; }),
                          on_timeout(std::chrono::milliseconds(2), [] { return 2; })),
                2);
            test::whereabouts where;
            auto waits = go([&] {
                where.here();
                if (writes)
                    near.write_all(bytes("x"));
                else
                    near.shutdown(direction::send);
            });
            where.await_parked(test::readable);
            auto relaying = go([&, &a = relay_near, &b = relay_far] { copy_bidirectional(a, b); });
            waits.join();
            EXPECT_EQ(server_side.join(), writes ? "x" : "");
            near.next_layer().close();
            far.next_layer().close();
            relaying.join();
        }
    });
}

void ask_for_new_keys(test::tls& of) {
    EXPECT_EQ(SSL_key_update(of.native_handle(), SSL_KEY_UPDATE_REQUESTED), 1);
}

TEST_P(TlsTransfer, NewKeysOnRequest) {
    run([] {
        auto [near, far] = shaken_hands();
        for (int i = 0; i < 20; ++i) {
            ask_for_new_keys(near);
            near.write_all(bytes("x"));
            EXPECT_EQ(read_exact_text(far, 1), "x");
            far.write_all(bytes("y"));
            EXPECT_EQ(read_exact_text(near, 1), "y");
        }
    });
}

TEST_P(TlsTransfer, NewKeysWhileBothWriteAndRead) {
    run([] {
        auto [near, far] = shaken_hands();
        const std::string much = pattern(8 << 20);
        ask_for_new_keys(near);
        ask_for_new_keys(far);
        auto near_writes = go([&, &stream = near] { stream.write_all(bytes(much)); });
        auto far_writes = go([&, &stream = far] { stream.write_all(bytes(much)); });
        auto far_reads =
            go([&, &stream = far] { EXPECT_TRUE(read_exact_text(stream, much.size()) == much); });
        EXPECT_TRUE(read_exact_text(near, much.size()) == much);
        near_writes.join();
        far_writes.join();
        far_reads.join();
    });
}

// What OpenSSL would send to begin anew; the stream cannot be used afterwards.
std::string renegotiation_of(const test::tls& stream) {
    SSL* const ssl = stream.native_handle();
    BIO* const sent = BIO_new(BIO_s_mem());
    SSL_set0_wbio(ssl, sent);
    SSL_clear_options(ssl, SSL_OP_NO_RENEGOTIATION);
    EXPECT_EQ(SSL_renegotiate(ssl), 1);
    EXPECT_EQ(SSL_get_error(ssl, SSL_do_handshake(ssl)), SSL_ERROR_WANT_READ);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(sent, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

// Else two peers that answer each other while both write would wait for ever.
TEST_P(TlsTransfer, AReaderDoesNotWaitForRoomToSend) {
    run([] {
        auto [near, far] = shaken_hands(client_context(only_1_2), server_context());
        const std::string much = pattern(16 << 20), asks = renegotiation_of(near);
        test::whereabouts writing, reading;
        auto writer = go([&, &stream = far] {
            writing.here();
            return failure_of([&] { stream.write_all(bytes(much)); });
        });
        writing.await_parked(test::writable);
        auto reader = go([&, &stream = far] {
            reading.here();
            return failure_of([&] { read_text(stream, 1); });
        });
        reading.await_parked(test::readable);
        test::forge(near, asks); // to be answered by an alert
        while (select(on_readable(far.next_layer(), [] { return true; }), otherwise([] { return false; })))
            yield();
        reading.await_parked(test::readable);
        near.next_layer().close();
        EXPECT_TRUE(reader.join());
        EXPECT_TRUE(writer.join());
    });
}

TEST_P(TlsTransfer, RenegotiationIsRefused) {
    run([] {
        for (const bool by_client : {true, false}) {
            auto [near, far] = shaken_hands(client_context(only_1_2), server_context());
            test::tls& asks = by_client ? near : far;
            test::tls& refuses = by_client ? far : near;
            auto other_end = go([&refuses] { return failure_of([&] { read_to_end(refuses); }); });
            asks.write_all(bytes("x"));
            SSL_clear_options(asks.native_handle(), SSL_OP_NO_RENEGOTIATION);
            ASSERT_EQ(SSL_renegotiate(asks.native_handle()), 1);
            const std::error_code ec = failure_of([&asks] {
                asks.write_all(bytes("y"));
                read_text(asks, 1);
            });
            EXPECT_EQ(ec.message(), "no renegotiation");
            asks.close();
            EXPECT_TRUE(other_end.join());
        }
    });
}

// The writer wants an answer, which the reader is already waiting for.
TEST_P(TlsTransfer, AWriterAndAReaderWaitForTheSameMessage) {
    run([] {
        auto [near, far] = shaken_hands(client_context(only_1_2), server_context());
        test::whereabouts where;
        auto reader = go([&, &stream = near] {
            where.here();
            return failure_of([&] { read_text(stream, 1); });
        });
        where.await_parked(test::readable);
        SSL_clear_options(near.native_handle(), SSL_OP_NO_RENEGOTIATION);
        ASSERT_EQ(SSL_renegotiate(near.native_handle()), 1);
        auto other_end = go([&stream = far] { return failure_of([&] { read_text(stream, 1); }); });
        EXPECT_EQ(
            failure_of([&stream = near] { stream.write_all(bytes("y")); }).message(), "no renegotiation");
        EXPECT_EQ(reader.join().message(), "no renegotiation");
        near.close();
        EXPECT_TRUE(other_end.join());
    });
}

} // namespace
} // namespace weft::net
