// SPDX-License-Identifier: BSL-1.0
#include "net/tcp_test.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::connection;
using test::failure_of;
using test::read_text;
using test::reset_at_close;
using test::whereabouts;

using TcpSetup = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, TcpSetup, test::all_worker_counts(), test::workers_name);

int option(const byte_stream& of, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(of.native_handle(), level, name, &value, &size);
    return value;
}

TEST_P(TcpSetup, EndpointsAreThoseOfThePeer) {
    run([] {
        auto listener = tcp_listener::listen(endpoint("127.0.0.1", 0));
        const auto near =
            tcp_stream::connect("localhost:" + std::to_string(listener.local_endpoint().port()));
        auto far = listener.accept();
        EXPECT_EQ(near.remote_endpoint(), listener.local_endpoint());
        EXPECT_EQ(far.local_endpoint(), listener.local_endpoint());
        EXPECT_EQ(far.remote_endpoint(), near.local_endpoint());
        EXPECT_NE(near.local_endpoint().port(), 0);
    });
}

TEST_P(TcpSetup, RemoteEndpointIsKnownAfterAReset) {
    run([] {
        auto [near, far] = connection();
        const endpoint peer = near.remote_endpoint();
        reset_at_close(far);
        far.close();
        EXPECT_EQ(failure_of([&, &stream = near] { read_text(stream, 1); }), std::errc::connection_reset);
        EXPECT_EQ(near.remote_endpoint(), peer);
    });
}

TEST_P(TcpSetup, StreamsHaveTheirOptions) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const auto near = tcp_stream::connect(listener.local_endpoint());
        const auto far = listener.accept();
        for (const tcp_stream* each : {&near, &far}) {
            EXPECT_EQ(option(*each, IPPROTO_TCP, TCP_NODELAY), 1);
            EXPECT_EQ(option(*each, SOL_SOCKET, SO_KEEPALIVE), 1);
            EXPECT_EQ(option(*each, IPPROTO_TCP, TCP_KEEPIDLE), 15);
            EXPECT_EQ(option(*each, IPPROTO_TCP, TCP_KEEPINTVL), 15);
        }
        const auto other = tcp_stream::connect(listener.local_endpoint(),
            {.timeout = 5s, .local = endpoint("127.0.0.1:0"), .nodelay = false, .keepalive = 0s});
        EXPECT_EQ(option(other, IPPROTO_TCP, TCP_NODELAY), 0);
        EXPECT_EQ(option(other, SOL_SOCKET, SO_KEEPALIVE), 0);
    });
}

TEST_P(TcpSetup, PortInUseNamesTheEndpoint) {
    run([] {
        const auto first = tcp_listener::listen("127.0.0.1:0");
        const std::string address = first.local_endpoint().to_string();
        for (const auto& attempt :
            {+[](const std::string& at) { static_cast<void>(tcp_listener::listen(at)); },
                +[](const std::string& at) { static_cast<void>(tcp_listener::listen(endpoint(at))); }}) {
            try {
                attempt(address);
                ADD_FAILURE() << "the port is in use";
            } catch (const io_error& error) {
                EXPECT_EQ(error.code(), std::errc::address_in_use);
                EXPECT_EQ(error.what(), "listen on " + address + ": Address already in use");
            }
        }
        std::error_code ec;
        EXPECT_FALSE(tcp_listener::listen(address, ec).is_open());
        EXPECT_EQ(ec, std::errc::address_in_use);
    });
}

TEST_P(TcpSetup, PortMayBeShared) {
    run([] {
        auto first = tcp_listener::listen("127.0.0.1:0", {.backlog = 10, .reuse_port = true});
        auto second = tcp_listener::listen(first.local_endpoint(), {.reuse_port = true});
        EXPECT_EQ(first.local_endpoint(), second.local_endpoint());
    });
}

TEST_P(TcpSetup, PortIsFreeAgainAfterClose) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        auto client = tcp_stream::connect(address);
        listener.accept().close(); // leaves a connection in TIME_WAIT
        listener.close();
        EXPECT_TRUE(tcp_listener::listen(address).is_open());
    });
}

TEST_P(TcpSetup, RefusedConnectionNamesTheDestination) {
    run([] {
        auto closed = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = closed.local_endpoint();
        closed.close();
        try {
            static_cast<void>(tcp_stream::connect(address));
            ADD_FAILURE() << "nobody listens";
        } catch (const io_error& error) {
            EXPECT_EQ(error.code(), std::errc::connection_refused);
            EXPECT_EQ(error.what(), "connect to '" + address.to_string() + "': Connection refused");
        }
        std::error_code ec;
        EXPECT_FALSE(tcp_stream::connect(address.to_string(), ec).is_open());
        EXPECT_EQ(ec, std::errc::connection_refused);
    });
}

TEST_P(TcpSetup, ConnectHasATimeout) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0", {.backlog = 1});
        std::vector<tcp_stream> backlog;
        std::error_code ec;
        while (!ec && backlog.size() < 100)
            backlog.push_back(tcp_stream::connect(listener.local_endpoint(), {.timeout = 30ms}, ec));
        EXPECT_EQ(ec, errc::deadline_exceeded) << "once the backlog is full";
        EXPECT_FALSE(backlog.back().is_open());
    });
}

TEST_P(TcpSetup, CancelledConnectLeavesNothing) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0", {.backlog = 1});
        std::vector<tcp_stream> backlog;
        std::error_code ec;
        while (!ec) backlog.push_back(tcp_stream::connect(listener.local_endpoint(), {.timeout = 30ms}, ec));
        whereabouts where;
        auto connecting = go([&, address = listener.local_endpoint()] {
            where.here();
            return tcp_stream::connect(address);
        });
        where.await_parked(test::writable);
        connecting.cancel();
        EXPECT_THROW(connecting.join(), cancelled);
    });
}

TEST_P(TcpSetup, MalformedTextIsQuoted) {
    run([] {
        for (const std::string text : {"", "nonsense", "127.0.0.1", "127.0.0.1:", "::1:80", "[127.0.0.1]:80",
                 "127.0.0.1:99999", "127.0.0.1:4294967376"}) {
            for (const bool listening : {false, true}) {
                try {
                    if (listening)
                        static_cast<void>(tcp_listener::listen(text));
                    else
                        static_cast<void>(tcp_stream::connect(text));
                    ADD_FAILURE() << text;
                } catch (const std::system_error& error) {
                    EXPECT_EQ(error.code(), std::errc::invalid_argument) << text;
                    EXPECT_NE(std::string(error.what()).find("'" + text + "'"), std::string::npos)
                        << error.what();
                }
            }
        }
    });
}

TEST_P(TcpSetup, UnknownHostIsToldInTheResolversWords) {
    run([] {
        try {
            static_cast<void>(tcp_stream::connect("no-such-host.invalid:80"));
            ADD_FAILURE() << "there is no such host";
        } catch (const io_error& error) {
            EXPECT_EQ(error.code().category(), resolve_category());
            EXPECT_EQ(error.what(), "connect to 'no-such-host.invalid:80': " + error.code().message());
        }
        std::error_code ec;
        EXPECT_TRUE(resolve("127.0.0.1", "no-such-service", ec).empty());
        EXPECT_EQ(ec.category(), resolve_category());
        EXPECT_EQ(resolve("127.0.0.1", "80"), std::vector{endpoint("127.0.0.1:80")});
        EXPECT_EQ(resolve("::1", "80"), std::vector{endpoint("[::1]:80")});
    });
}

TEST_P(TcpSetup, ListensOnAllAddresses) {
    run([] {
        auto listener = tcp_listener::listen(":0");
        const std::uint16_t port = listener.local_endpoint().port();
        const auto v4 = tcp_stream::connect(endpoint("127.0.0.1", port));
        EXPECT_EQ(listener.accept().remote_endpoint(), v4.local_endpoint()) << "an IPv4 peer is shown as one";
        std::error_code ec;
        const auto v6 = tcp_stream::connect(endpoint("::1", port), ec);
        if (ec) GTEST_SKIP() << "no IPv6 here: " << ec.message();
        EXPECT_EQ(listener.accept().remote_endpoint(), v6.local_endpoint());
        auto only = tcp_listener::listen("[::]:0", {.ipv6_only = true});
        EXPECT_EQ(failure_of([&] {
            static_cast<void>(tcp_stream::connect(endpoint("127.0.0.1", only.local_endpoint().port())));
        }),
            std::errc::connection_refused);
    });
}

} // namespace
} // namespace weft::net
