// SPDX-License-Identifier: BSL-1.0
#include "net/tcp_test.hpp"

#include <weft/net/beast.hpp>
#include <weft/net/server.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using test::bytes;
using test::connection;
using test::read_exact_text;

class BeastStream : public test::network {
protected:
    // Beast's WebSocket has a timer, for which Asio opens descriptors once and for all.
    static void SetUpTestSuite() { asio::steady_timer{asio::system_executor()}; }
};
INSTANTIATE_TEST_SUITE_P(Workers, BeastStream, test::all_worker_counts(), test::workers_name);

TEST_P(BeastStream, AsiosAlgorithmsRunOnIt) {
    run([] {
        auto [near, far] = connection();
        beast_stream stream(near);
        static_assert(std::is_same_v<decltype(stream), beast_stream<tcp_stream&>>);
        const std::string first = "first line\n", second = "second";
        asio::write(stream, std::array{asio::buffer(first), asio::buffer(second)});
        far.shutdown(direction::send);

        beast_stream<tcp_stream> reader(std::move(far));
        asio::streambuf buffer;
        EXPECT_EQ(asio::read_until(reader, buffer, '\n'), first.size());
        buffer.consume(first.size());
        near.shutdown(direction::send);
        boost::system::error_code ec;
        asio::read(reader, buffer, asio::transfer_all(), ec);
        EXPECT_EQ(ec, asio::error::eof);
        EXPECT_EQ(buffer.size(), second.size());
        char byte = 0;
        EXPECT_EQ(stream.read_some(asio::buffer(&byte, 1), ec), 0U);
        EXPECT_EQ(ec, asio::error::eof);
        EXPECT_EQ(stream.read_some(asio::buffer(&byte, 0), ec), 0U);
        EXPECT_FALSE(ec);
    });
}

TEST_P(BeastStream, ErrorsKeepTheirMeaning) {
    run([] {
        auto [near, far] = connection();
        beast_stream stream(near);
        char byte = 0;
        boost::system::error_code ec;
        near.set_read_deadline(0s);
        stream.read_some(asio::buffer(&byte, 1), ec);
        EXPECT_EQ(ec, asio::error::timed_out);
        EXPECT_THROW(stream.read_some(asio::buffer(&byte, 1)), boost::system::system_error);
        near.clear_deadline();
        test::reset_at_close(far);
        far.close();
        stream.read_some(asio::buffer(&byte, 1), ec);
        EXPECT_EQ(ec, asio::error::connection_reset);
        stream.write_some(asio::buffer(&byte, 1), ec);
        EXPECT_EQ(ec, asio::error::broken_pipe);

        const boost::system::error_code other = detail::to_boost(errc::unexpected_eof);
        EXPECT_STREQ(other.category().name(), "weft.net");
        EXPECT_EQ(other.message(), "unexpected end of stream");
        EXPECT_EQ(other, detail::to_boost(errc::unexpected_eof));
        EXPECT_NE(other, detail::to_boost(errc::message_too_long));
    });
}

// Echoes the bodies of requests until the connection ends.
void serve_http(tcp_stream peer) {
    beast_stream<tcp_stream> stream(std::move(peer));
    beast::flat_buffer buffer;
    for (;;) {
        http::request<http::string_body> request;
        boost::system::error_code ec;
        http::read(stream, buffer, request, ec);
        if (ec) return;
        http::response<http::string_body> response{http::status::ok, request.version()};
        response.keep_alive(request.keep_alive());
        response.body() = std::string(request.method_string()) + " " + std::string(request.target()) + ": " +
            request.body();
        response.prepare_payload();
        http::write(stream, response);
        if (!response.keep_alive()) return;
    }
}

TEST_P(BeastStream, HttpServerAndClient) {
    run([] {
        server srv;
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        auto serving = go({.stack_size = 256 << 10}, [&] { srv.serve(listener, serve_http); });
        {
            beast_stream<tcp_stream> stream(tcp_stream::connect(address));
            beast::flat_buffer buffer;
            for (const std::size_t size : {0U, 1U, 100'000U}) {
                http::request<http::string_body> request{http::verb::post, "/echo", 11};
                request.body().assign(size, 'x');
                request.prepare_payload();
                http::write(stream, request);
                http::response<http::string_body> response;
                http::read(stream, buffer, response);
                EXPECT_EQ(response.body(), "POST /echo: " + std::string(size, 'x'));
            }
        }
        srv.shutdown();
        serving.join();
    });
}

std::string output_of(const std::string& command) {
    std::string output;
    std::FILE* const pipe = ::popen(command.c_str(), "r");
    std::array<char, 4096> part;
    while (const std::size_t size = std::fread(part.data(), 1, part.size(), pipe))
        output.append(part.data(), size);
    EXPECT_EQ(::pclose(pipe), 0) << command;
    return output;
}

TEST_P(BeastStream, CurlKeepsItsConnection) {
    run([] {
        server srv;
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const std::string url = "http://" + listener.local_endpoint().to_string();
        auto serving = go([&] { srv.serve(listener, serve_http); });
        const std::string command = "curl -sS --max-time 20 " + url +
            "/a --next -sS --max-time 20 -H 'Transfer-Encoding: chunked' " + "-d hello " + url + "/b";
        EXPECT_EQ(blocking([&] { return output_of(command); }), "GET /a: POST /b: hello");
        EXPECT_EQ(srv.statistics().accepted, 1U);
        srv.shutdown(0s);
        serving.join();
    });
}

TEST_P(BeastStream, WebSocket) {
    run([] {
        auto [near, far] = connection();
        auto serving = go([&, peer = std::move(far)]() mutable {
            websocket::stream<beast_stream<tcp_stream>> socket(std::move(peer));
            websocket::permessage_deflate deflate;
            deflate.server_enable = true;
            socket.set_option(deflate);
            socket.accept();
            boost::system::error_code ec;
            for (;;) {
                beast::flat_buffer message;
                socket.read(message, ec);
                if (ec) break;
                socket.text(socket.got_text());
                socket.write(message.data());
            }
            EXPECT_EQ(ec, websocket::error::closed);
        });
        websocket::stream<beast_stream<tcp_stream>> socket(std::move(near));
        websocket::permessage_deflate deflate;
        deflate.client_enable = true;
        socket.set_option(deflate);
        socket.handshake("localhost", "/");
        for (const std::size_t size : {1U, 100U, 200'000U}) {
            const std::string sent(size, 'y');
            socket.write(asio::buffer(sent));
            beast::flat_buffer answer;
            socket.read(answer);
            EXPECT_EQ(beast::buffers_to_string(answer.data()), sent);
        }
        socket.close(websocket::close_code::normal);
        serving.join();
    });
}

} // namespace
} // namespace weft::net
