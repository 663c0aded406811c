// SPDX-License-Identifier: BSL-1.0
#include "net/peer_program.hpp"
#include "net/tls_test.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

// Other people's TLS: the openssl command at either end, and curl.
namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::certificates;
using test::client_context;
using test::failure_of;
using test::pattern;
using test::peer_program;
using test::read_exact_text;
using test::read_text;
using test::server_context;

class TlsPeers : public test::network {
protected:
    static void SetUpTestSuite() { certificates::instance(); }
};
INSTANTIATE_TEST_SUITE_P(Workers, TlsPeers, ::testing::Values(1U, 4U), test::workers_name);

std::string port_of(const tcp_listener& listener) { return std::to_string(listener.local_endpoint().port()); }

std::vector<std::string> openssl_client(const tcp_listener& server, std::vector<std::string> further) {
    std::vector<std::string> command{"openssl", "s_client", "-connect", "127.0.0.1:" + port_of(server),
        "-servername", "localhost", "-verify_hostname", "localhost", "-verify_return_error", "-CAfile",
        certificates::instance().certificate("ca")};
    command.insert(command.end(), further.begin(), further.end());
    return command;
}

// "ACCEPT 127.0.0.1:port" is what it says once it listens.
std::string accepting(peer_program& server) { return server.rest_of_line("ACCEPT "); }
std::vector<std::string> openssl_server(std::vector<std::string> further) {
    const certificates& all = certificates::instance();
    std::vector<std::string> command{"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert",
        all.certificate("localhost"), "-key", all.key("localhost")};
    command.insert(command.end(), further.begin(), further.end());
    return command;
}

TEST_P(TlsPeers, OpensslAsClient) {
    run([] {
        if (peer_program::is_missing("openssl")) GTEST_SKIP() << "the openssl command is missing";
        for (const char* version : {"TLSv1.2", "TLSv1.3"}) {
            auto listener = tcp_listener::listen("127.0.0.1:0");
            const std::string flag = version == std::string_view("TLSv1.2") ? "-tls1_2" : "-tls1_3";
            peer_program peer(openssl_client(listener, {"-quiet", "-no_ign_eof", flag, "-alpn", "h2,weft"}));
            auto stream = tls_server(listener.accept(), server_context({.alpn = {"weft"}}));
            peer.say("hello\n");
            EXPECT_EQ(read_exact_text(stream, 6), "hello\n");
            EXPECT_EQ(stream.version(), version);
            EXPECT_EQ(stream.alpn(), "weft");
            stream.write_all(bytes("and to you\n"));
            peer.hear_until("and to you\n");
            peer.end_of_input();
            EXPECT_EQ(read_text(stream, 1), "");
            stream.close();
            EXPECT_EQ(peer.wait(), exit_status::of_code(0));
        }
    });
}

TEST_P(TlsPeers, OpensslAsClientAsksForNewKeys) {
    run([] {
        if (peer_program::is_missing("openssl")) GTEST_SKIP() << "the openssl command is missing";
        auto listener = tcp_listener::listen("127.0.0.1:0");
        peer_program peer(openssl_client(listener, {"-tls1_3"}));
        auto stream = tls_server(listener.accept(), server_context());
        stream.handshake();
        peer.hear_until("Verify return code: 0");
        peer.say("K\n"); // new keys for both directions
        peer.hear_until("KEYUPDATE");
        peer.say("text\n");
        EXPECT_EQ(read_exact_text(stream, 5), "text\n");
        stream.write_all(bytes("done\n"));
        peer.hear_until("done\n");
        stream.set_deadline(0s);
        stream.close();
    });
}

TEST_P(TlsPeers, OpensslAsClientIsRefusedARenegotiation) {
    run([] {
        if (peer_program::is_missing("openssl")) GTEST_SKIP() << "the openssl command is missing";
        auto listener = tcp_listener::listen("127.0.0.1:0");
        peer_program peer(openssl_client(listener, {"-tls1_2"}));
        auto stream = tls_server(listener.accept(), server_context());
        stream.handshake();
        peer.hear_until("Verify return code: 0");
        peer.say("R\n");
        std::error_code ec;
        std::array<std::byte, 1> byte{};
        EXPECT_EQ(stream.read_some(byte, ec), 0U);
        const std::string heard = peer.hear_to_end();
        EXPECT_NE(heard.find("no renegotiation"), std::string::npos) << heard;
    });
}

TEST_P(TlsPeers, OpensslAsServer) {
    run([] {
        if (peer_program::is_missing("openssl")) GTEST_SKIP() << "the openssl command is missing";
        for (const tls_version version : {tls_version::tls_1_2, tls_version::tls_1_3}) {
            peer_program peer(openssl_server({"-rev", "-alpn", "weft"}));
            const std::string address = accepting(peer);
            const tls_context context = client_context({.alpn = {"weft"}, .maximum_version = version});
            for (int i = 0; i < 3; ++i) {
                auto stream = tls_client(tcp_stream::connect(address), context, "localhost");
                stream.write_all(bytes("hello\n"));
                EXPECT_EQ(read_exact_text(stream, 6), "olleh\n");
                EXPECT_EQ(stream.alpn(), "weft");
                EXPECT_EQ(stream.session_reused(), i != 0);
                EXPECT_EQ(stream.peer_subject(), "CN=localhost");
                stream.close();
            }
        }
    });
}

TEST_P(TlsPeers, AKilledServerIsNoEnd) {
    run([] {
        if (peer_program::is_missing("openssl")) GTEST_SKIP() << "the openssl command is missing";
        peer_program peer(openssl_server({"-rev"}));
        auto stream = tls_client(tcp_stream::connect(accepting(peer)), client_context(), "localhost");
        stream.write_all(bytes("hello\n"));
        EXPECT_EQ(read_exact_text(stream, 6), "olleh\n");
        test::whereabouts where;
        auto reader = go([&] {
            where.here();
            return failure_of([&] { read_text(stream, 1); });
        });
        where.await_parked(test::readable);
        peer.kill();
        const std::error_code ec = reader.join();
        EXPECT_TRUE(ec == errc::unexpected_eof || ec == std::errc::connection_reset) << ec.message();
        const std::string much = pattern(1 << 20);
        EXPECT_TRUE(failure_of([&] {
            for (int i = 0; i < 100; ++i) stream.write_all(bytes(much));
        }));
        stream.close();
    });
}

TEST_P(TlsPeers, AKilledClientIsNoEnd) {
    run([] {
        if (peer_program::is_missing("openssl")) GTEST_SKIP() << "the openssl command is missing";
        auto listener = tcp_listener::listen("127.0.0.1:0");
        peer_program peer(openssl_client(listener, {"-quiet"}));
        auto stream = tls_server(listener.accept(), server_context());
        peer.say("hello\n");
        EXPECT_EQ(read_exact_text(stream, 6), "hello\n");
        const std::string much = pattern(16 << 20); // its output is not read, so it does not read on
        test::whereabouts where;
        auto writer = go([&] {
            where.here();
            return failure_of([&] { stream.write_all(bytes(much)); });
        });
        where.await_parked(test::writable);
        peer.kill();
        const std::error_code ec = writer.join();
        EXPECT_TRUE(ec == std::errc::broken_pipe || ec == std::errc::connection_reset) << ec.message();
        EXPECT_TRUE(failure_of([&] { read_text(stream, 1); }));
        stream.close();
    });
}

// As much of HTTP as curl needs: every request is answered with the same body.
void answer_requests(tls_byte_stream& stream, const std::string& body) {
    std::string heard;
    for (;;) {
        std::string part = read_text(stream, 4096);
        if (part.empty()) return;
        heard += part;
        for (std::size_t end = heard.find("\r\n\r\n"); end != std::string::npos;
            end = heard.find("\r\n\r\n")) {
            heard.erase(0, end + 4);
            const std::string head =
                "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
            stream.write_all(std::vector{bytes(head), bytes(body)});
        }
    }
}

TEST_P(TlsPeers, CurlAsClient) {
    run([] {
        if (peer_program::is_missing("curl")) GTEST_SKIP() << "curl is missing";
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const std::string port = port_of(listener), url = "https://localhost:" + port + "/";
        const tls_context server = server_context({.alpn = {"http/1.1"}});
        std::string body(300'000, '\0');
        for (std::size_t i = 0; i < body.size(); ++i) body[i] = "abcdefghijk\n"[i % 12];
        const auto curl = [&](std::string_view ca, std::vector<std::string> further) {
            std::vector<std::string> command{"curl", "--silent", "--show-error", "--noproxy", "*",
                "--resolve", "localhost:" + port + ":127.0.0.1", "--cacert",
                certificates::instance().certificate(ca)};
            command.insert(command.end(), further.begin(), further.end());
            return command;
        };
        {
            peer_program peer(curl("ca", {url, url + "again"})); // over one connection
            auto stream = tls_server(listener.accept(), server);
            auto answering = go([&] { answer_requests(stream, body); });
            EXPECT_TRUE(peer.hear_to_end() == body + body);
            EXPECT_EQ(peer.wait(), exit_status::of_code(0));
            answering.join();
            EXPECT_EQ(stream.alpn(), "http/1.1");
            stream.close();
        }
        {
            peer_program peer(curl("second_ca", {url}));
            auto stream = tls_server(listener.accept(), server);
            const std::error_code ec = failure_of([&] { answer_requests(stream, body); });
            EXPECT_NE(ec.message().find("unknown ca"), std::string::npos) << ec.message();
            EXPECT_EQ(peer.wait(), exit_status::of_code(60))
                << peer.hear_to_end(); // CURLE_PEER_FAILED_VERIFICATION
        }
    });
}

} // namespace
} // namespace weft::net
