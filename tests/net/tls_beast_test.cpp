// SPDX-License-Identifier: BSL-1.0
#include "net/tls_test.hpp"

#include <weft/net/beast.hpp>
#include <weft/net/server.hpp>

#include <cstddef>
#include <string>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

// HTTP and WebSockets of Boost.Beast over TLS.
namespace weft::net {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using test::bytes;
using test::client_context;
using test::server_context;
using test::shaken_hands;

class TlsBeast : public test::network {
protected:
    // Beast's WebSocket has a timer, for which Asio opens descriptors once and for all.
    static void SetUpTestSuite() { asio::steady_timer{asio::system_executor()}; }
};
INSTANTIATE_TEST_SUITE_P(Workers, TlsBeast, test::all_worker_counts(), test::workers_name);

// Echoes the bodies of requests until the client has no more.
void serve_https(tcp_stream peer, const tls_context& context) {
    beast_stream stream(tls_server(std::move(peer), context));
    beast::flat_buffer buffer;
    for (;;) {
        http::request<http::string_body> request;
        boost::system::error_code ec;
        http::read(stream, buffer, request, ec);
        if (ec == http::error::end_of_stream) return stream.next_layer().close();
        ASSERT_FALSE(ec) << ec.message();
        http::response<http::string_body> response{http::status::ok, request.version()};
        response.body() = std::move(request.body());
        response.prepare_payload();
        http::write(stream, response);
    }
}

TEST_P(TlsBeast, HttpsServerAndClient) {
    run([] {
        server srv;
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        const tls_context context = server_context();
        auto serving =
            go([&] { srv.serve(listener, [&](tcp_stream peer) { serve_https(std::move(peer), context); }); });
        beast_stream stream(tls_client(tcp_stream::connect(address), client_context(), "localhost"));
        beast::flat_buffer buffer;
        for (const std::size_t size : {0U, 1U, 100'000U}) {
            http::request<http::string_body> request{http::verb::post, "/echo", 11};
            request.body().assign(size, 'x');
            request.prepare_payload();
            http::write(stream, request);
            http::response<http::string_body> response;
            http::read(stream, buffer, response);
            EXPECT_TRUE(response.body() == std::string(size, 'x')) << size;
        }
        stream.next_layer().close();
        srv.shutdown();
        serving.join();
        EXPECT_EQ(srv.statistics().failed, 0U);
    });
}

// The end of a response without a length is the peer's close_notify, and nothing else.
TEST_P(TlsBeast, ACutResponseIsNotTakenForWhole) {
    run([] {
        for (const bool whole : {true, false}) {
            auto [near, far] = shaken_hands();
            far.write_all(bytes("HTTP/1.0 200 OK\r\n\r\nbody"));
            if (whole) far.shutdown(direction::send);
            far.next_layer().close();
            beast_stream stream(near);
            beast::flat_buffer buffer;
            http::response<http::string_body> response;
            boost::system::error_code ec;
            http::read(stream, buffer, response, ec);
            EXPECT_EQ(ec, whole ? boost::system::error_code() : detail::to_boost(errc::unexpected_eof))
                << ec.message();
        }
    });
}

TEST_P(TlsBeast, WebSocket) {
    run([] {
        auto [near, far] = shaken_hands();
        auto serving = go([&, peer = std::move(far)]() mutable {
            websocket::stream<beast_stream<test::tls>> socket(std::move(peer));
            socket.accept();
            boost::system::error_code ec;
            for (;;) {
                beast::flat_buffer message;
                socket.read(message, ec);
                if (ec) break;
                socket.write(message.data());
            }
            EXPECT_EQ(ec, websocket::error::closed);
        });
        websocket::stream<beast_stream<test::tls>> socket(std::move(near));
        socket.handshake("localhost", "/");
        for (const std::size_t size : {1U, 100U, 200'000U}) {
            const std::string sent(size, 'y');
            socket.write(asio::buffer(sent));
            beast::flat_buffer answer;
            socket.read(answer);
            EXPECT_TRUE(beast::buffers_to_string(answer.data()) == sent) << size;
        }
        socket.close(websocket::close_code::normal);
        serving.join();
    });
}

} // namespace
} // namespace weft::net
