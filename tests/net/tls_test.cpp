// SPDX-License-Identifier: BSL-1.0
#include "net/tls_test.hpp"

#include <weft/net/copy.hpp>
#include <weft/net/server.hpp>
#include <weft/net/tls.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <openssl/ssl.h>
#include <sys/socket.h>

namespace weft::net {
namespace {

using test::bytes;
using test::certificates;
using test::client_context;
using test::connection;
using test::failure_of;
using test::pattern;
using test::read_exact_text;
using test::read_failure;
using test::read_text;
using test::server_context;
using test::shaken_hands;
using test::tls_connection;

static_assert(stream<test::tls> && stream<tls_stream<pipe_stream>> && stream<tls_byte_stream&>);

using Tls = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, Tls, test::all_worker_counts(), test::workers_name);

constexpr tls_options only_1_2{.maximum_version = tls_version::tls_1_2};

// --- what is agreed upon

TEST_P(Tls, BytesGoBothWays) {
    run([] {
        auto [near, far] = shaken_hands();
        near.write_all(bytes("ping"));
        EXPECT_EQ(read_exact_text(far, 4), "ping");
        far.write_all(bytes("pong"));
        EXPECT_EQ(read_exact_text(near, 4), "pong");
        EXPECT_EQ(near.version(), "TLSv1.3");
        EXPECT_EQ(near.cipher(), far.cipher());
        EXPECT_NE(near.cipher(), "");
        EXPECT_EQ(near.peer_subject(), "CN=localhost");
        EXPECT_EQ(near.peer_fingerprint().size(), 64U);
        EXPECT_EQ(near.peer_fingerprint().find_first_not_of("0123456789abcdef"), std::string::npos);
        EXPECT_EQ(far.peer_subject(), "");
        EXPECT_EQ(far.peer_fingerprint(), "");
        EXPECT_EQ(near.local_endpoint(), far.remote_endpoint());
        EXPECT_EQ(near.next_layer().remote_endpoint(), far.local_endpoint());
        EXPECT_NE(near.native_handle(), nullptr);
    });
}

TEST_P(Tls, TheFirstCallMakesTheHandshake) {
    run([] {
        auto [near, far] = tls_connection(client_context(), server_context());
        EXPECT_EQ(near.version(), "");
        auto other_end = go([&stream = far] {
            EXPECT_EQ(read_exact_text(stream, 4), "ping");
            stream.write_all(bytes("pong"));
        });
        near.write_all(bytes("ping"));
        EXPECT_EQ(read_exact_text(near, 4), "pong");
        other_end.join();
    });
}

TEST_P(Tls, Version1_2) {
    run([] {
        auto [near, far] = shaken_hands(client_context(only_1_2), server_context());
        EXPECT_EQ(near.version(), "TLSv1.2");
        near.write_all(bytes("ping"));
        EXPECT_EQ(read_exact_text(far, 4), "ping");
        auto closing = go([&stream = far] { stream.close(); });
        EXPECT_EQ(read_text(near, 1), "");
        near.close();
        closing.join();
    });
}

TEST_P(Tls, AVersionThatIsTooOldIsRefused) {
    run([] {
        auto [near, far] = tls_connection(
            client_context(only_1_2), server_context({.minimum_version = tls_version::tls_1_3}));
        auto other_end = go(
            [&stream = far] { return failure_of([&] { stream.handshake(); }).category() == tls_category(); });
        const std::error_code ec = failure_of([&stream = near] { stream.handshake(); });
        EXPECT_EQ(ec.category(), tls_category());
        EXPECT_NE(ec.message().find("protocol version"), std::string::npos) << ec.message();
        EXPECT_TRUE(other_end.join());
    });
}

TEST_P(Tls, InTheHandlerOfAServer) {
    run([] {
        server srv;
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        const tls_context context = server_context();
        auto serving = go([&] {
            srv.serve(listener, [&](tcp_stream peer) {
                auto stream = tls_server(std::move(peer), context);
                copy(stream, stream);
                stream.close();
            });
        });
        auto near = tls_client(tcp_stream::connect(address), client_context(), "localhost");
        near.write_all(bytes("echo"));
        EXPECT_EQ(read_exact_text(near, 4), "echo");
        near.close();
        auto idle = tls_client(tcp_stream::connect(address), client_context(), "localhost");
        idle.write_all(bytes("x"));
        EXPECT_EQ(read_exact_text(idle, 1), "x");
        srv.shutdown(std::chrono::nanoseconds(0)); // its handler waits for what never comes
        serving.join();
        EXPECT_EQ(read_failure(idle), errc::unexpected_eof);
        EXPECT_EQ(srv.statistics().failed, 0U);
    });
}

TEST_P(Tls, OverASocketPair) {
    run([] {
        std::array<int, 2> ends{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
        auto near = tls_client(descriptor(ends[0]), client_context(), "localhost");
        auto far = tls_server(descriptor(ends[1]), server_context());
        auto other_end = go([&] {
            EXPECT_EQ(read_exact_text(far, 4), "ping");
            far.close();
        });
        near.write_all(bytes("ping"));
        EXPECT_EQ(read_text(near, 1), "");
        near.close();
        other_end.join();
    });
}

TEST_P(Tls, OverAPipe) {
    run([] {
        auto [near_pipe, far_pipe] = pipe();
        auto near = tls_client(std::move(near_pipe), client_context(), "localhost");
        auto far = tls_server(std::move(far_pipe), server_context());
        const std::string much = pattern(100'000);
        auto other_end = go([&] {
            EXPECT_TRUE(read_exact_text(far, much.size()) == much);
            far.write_all(bytes(much));
            far.close();
        });
        near.write_all(bytes(much));
        select(on_readable(near, [] {}));
        EXPECT_TRUE(read_exact_text(near, much.size()) == much);
        EXPECT_EQ(read_text(near, 1), "");
        near.close();
        other_end.join();
    });
}

TEST_P(Tls, OverTls) {
    run([] {
        auto [outer_near, outer_far] = tls_connection(client_context(), server_context());
        auto near = tls_client(std::move(outer_near), client_context(), "localhost");
        auto far = tls_server(std::move(outer_far), server_context());
        const std::string much = pattern(300'000);
        auto other_end = go([&] {
            EXPECT_EQ(read_exact_text(far, much.size()), much);
            EXPECT_EQ(select(on_readable(far, [] { return 1; }), otherwise([] { return 2; })), 2);
            far.close();
        });
        near.write_all(bytes(much));
        EXPECT_EQ(select(on_readable(near, [] { return 1; })), 1);
        EXPECT_EQ(read_text(near, 1), "");
        near.close();
        other_end.join();
    });
}

// --- whom to trust

// The client's failure, whose words are to hold what is given, and that the server is told.
void expect_refusal(const tls_context& client, std::string_view leaf, std::string_view name,
    std::string_view words, std::string_view alert) {
    auto [near_tcp, far_tcp] = connection();
    auto near = tls_client(std::move(near_tcp), client, name);
    auto far = tls_server(std::move(far_tcp), server_context({}, leaf));
    auto other_end = go([&] {
        std::error_code ec;
        std::array<std::byte, 1> byte{};
        far.read_some(byte, ec); // in TLS 1.3 it is this that learns of it
        return ec;
    });
    for (int i = 0; i < 2; ++i) {
        try {
            near.handshake();
            ADD_FAILURE() << leaf << " was accepted for " << name;
        } catch (const io_error& error) {
            const std::string what = error.what();
            EXPECT_EQ(error.code().category(), tls_verification_category()) << what;
            EXPECT_NE(what.find(words), std::string::npos) << what;
            EXPECT_NE(what.find('\'' + std::string(name) + '\''), std::string::npos) << what;
        }
    }
    EXPECT_EQ(failure_of([&] { near.write_all(bytes("secret")); }).category(), tls_verification_category());
    const std::error_code told = other_end.join();
    EXPECT_EQ(told.category(), tls_category());
    EXPECT_NE(told.message().find(alert), std::string::npos) << told.message();
}

TEST_P(Tls, WhoCannotProveHisNameIsRefused) {
    run([] {
        const tls_context client = client_context();
        expect_refusal(client, "other", "localhost", "hostname mismatch", "alert");
        expect_refusal(client, "localhost", "127.0.0.2", "IP address mismatch", "alert");
        expect_refusal(client, "subject_only", "localhost", "hostname mismatch", "alert");
        expect_refusal(client, "expired", "localhost", "expired", "certificate expired");
        expect_refusal(client, "self_signed", "localhost", "self-signed", "alert unknown ca");
        const auto trusts_others = tls_context::client(certificates::instance().certificate("second_ca"));
        expect_refusal(
            trusts_others, "localhost", "localhost", "unable to get local issuer", "alert unknown ca");
        expect_refusal(tls_context::client(), "localhost", "localhost", "unable to get local issuer",
            "alert unknown ca");
    });
}

TEST_P(Tls, NamesAndAddressesAreAccepted) {
    run([] {
        const tls_context client = client_context();
        const tls_context server = server_context();
        for (const char* name : {"localhost", "LocalHost.", "127.0.0.1", "::1"}) {
            auto [near_tcp, far_tcp] = connection();
            auto near = tls_client(std::move(near_tcp), client, name);
            auto far = tls_server(std::move(far_tcp), server);
            auto other_end = go([&] { far.handshake(); });
            near.handshake();
            other_end.join();
            const char* asked_for = SSL_get_servername(far.native_handle(), TLSEXT_NAMETYPE_host_name);
            EXPECT_EQ(asked_for != nullptr, std::string_view(name).find('o') != std::string_view::npos)
                << name;
        }
    });
}

TEST_P(Tls, VerificationCanBeTurnedOff) {
    run([] {
        const auto careless = tls_context::client({.verify = false});
        auto [near_tcp, far_tcp] = connection();
        auto near = tls_client(std::move(near_tcp), careless, "");
        auto far = tls_server(std::move(far_tcp), server_context({}, "self_signed"));
        auto other_end = go([&] { far.write_all(bytes("x")); });
        EXPECT_EQ(read_exact_text(near, 1), "x");
        other_end.join();
    });
}

TEST_P(Tls, WhatCannotBeIsSaidAtOnce) {
    run([] {
        const certificates& all = certificates::instance();
        const auto message_of = [](auto f) -> std::string {
            try {
                f();
            } catch (const io_error& error) {
                return error.what();
            }
            return {};
        };
        const std::string nowhere = "/nowhere/at/all.pem";
        EXPECT_EQ(
            failure_of([&] { tls_context::server(nowhere, nowhere); }), std::errc::no_such_file_or_directory);
        EXPECT_NE(
            message_of([&] { tls_context::server(nowhere, nowhere); }).find(nowhere), std::string::npos);
        EXPECT_NE(message_of([&] { tls_context::client(nowhere); }).find(nowhere), std::string::npos);
        EXPECT_NE(message_of([&] {
            tls_context::server(all.certificate("localhost"), all.key("other"));
        }).find("key values mismatch"),
            std::string::npos);
        EXPECT_EQ(failure_of([&] { client_context({.alpn = {""}}); }), std::errc::invalid_argument);
        EXPECT_EQ(failure_of([&] {
            client_context(
                {.minimum_version = tls_version::tls_1_3, .maximum_version = tls_version::tls_1_2});
        }),
            std::errc::invalid_argument);
        EXPECT_EQ(
            failure_of([&] { tls_client(tcp_stream(), client_context(), ""); }), std::errc::invalid_argument);
        for (const std::string& cut : {std::string("localhost\0.example", 18), std::string("::1\0x", 5)})
            EXPECT_EQ(failure_of([&] { tls_client(tcp_stream(), client_context(), cut); }),
                std::errc::invalid_argument);
        EXPECT_THROW(tls_client(tcp_stream(), server_context(), "x"), std::logic_error);
        EXPECT_THROW(tls_server(tcp_stream(), client_context()), std::logic_error);
    });
}

// --- application protocols

TEST_P(Tls, TheServersFirstProtocolIsTaken) {
    run([] {
        auto [near, far] = shaken_hands(
            client_context({.alpn = {"http/1.1", "h2"}}), server_context({.alpn = {"h2", "http/1.1"}}));
        EXPECT_EQ(near.alpn(), "h2");
        EXPECT_EQ(far.alpn(), "h2");
    });
}

TEST_P(Tls, WithoutACommonProtocolThereIsNoHandshake) {
    run([] {
        auto [near, far] =
            tls_connection(client_context({.alpn = {"h3"}}), server_context({.alpn = {"h2", "http/1.1"}}));
        auto other_end = go([&stream = far] { return failure_of([&] { stream.handshake(); }); });
        const std::error_code ec = failure_of([&stream = near] { stream.handshake(); });
        EXPECT_NE(ec.message().find("no application protocol"), std::string::npos) << ec.message();
        EXPECT_EQ(other_end.join().category(), tls_category());
    });
}

TEST_P(Tls, WhereOneHasNoProtocolsNoneIsChosen) {
    run([] {
        auto [near, far] = shaken_hands(client_context({.alpn = {"h2"}}), server_context());
        EXPECT_EQ(near.alpn(), "");
        auto [left, right] = shaken_hands(client_context(), server_context({.alpn = {"h2"}}));
        EXPECT_EQ(left.alpn(), "");
        EXPECT_EQ(right.alpn(), "");
    });
}

// --- resumption

// Whether a connection resumed an earlier one. A client of TLS 1.3 gets its tickets with the first bytes.
bool resumes(const tls_context& client, const tls_context& server) {
    auto [near, far] = shaken_hands(client, server);
    far.write_all(bytes("x"));
    read_exact_text(near, 1);
    EXPECT_EQ(near.session_reused(), far.session_reused());
    EXPECT_EQ(near.peer_subject(), "CN=localhost"); // resumed or not
    auto other_end = go([&stream = far] { stream.close(); });
    near.close();
    other_end.join();
    return near.session_reused();
}

TEST_P(Tls, SessionsAreResumed) {
    run([] {
        for (const tls_options& options : {tls_options{}, only_1_2}) {
            const tls_context client = client_context(options);
            const tls_context server = server_context();
            EXPECT_FALSE(resumes(client, server));
            for (int i = 0; i < 6; ++i) EXPECT_TRUE(resumes(client, server)) << i;
            EXPECT_FALSE(resumes(client, server_context())) << "a server that does not know it";
            EXPECT_FALSE(resumes(client_context(options), server)) << "a client of another context";
        }
    });
}

TEST_P(Tls, SessionsAreNotResumedWithoutTickets) {
    run([] {
        for (const tls_version version : {tls_version::tls_1_2, tls_version::tls_1_3}) {
            const tls_options with{.maximum_version = version};
            const tls_options without{.maximum_version = version, .session_tickets = false};
            const tls_context client = client_context(with), server = server_context(without);
            const tls_context other_client = client_context(without), other_server = server_context(with);
            for (int i = 0; i < 2; ++i) {
                EXPECT_FALSE(resumes(client, server));
                EXPECT_FALSE(resumes(other_client, other_server));
            }
        }
    });
}

} // namespace
} // namespace weft::net
