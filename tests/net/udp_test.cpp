// SPDX-License-Identifier: BSL-1.0
#include "net/net_test.hpp"

#include <weft/select.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <vector>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::failure_of;
using test::whereabouts;

using UdpSocket = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, UdpSocket, test::all_worker_counts(), test::workers_name);

udp_socket bound() { return udp_socket::bind("127.0.0.1:0"); }

std::string text_of(std::span<const std::byte> buffer, std::size_t size) {
    std::string text(size, '\0');
    std::transform(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size), text.begin(),
        [](std::byte each) { return static_cast<char>(each); });
    return text;
}

std::string receive(udp_socket& from) {
    std::array<std::byte, 2000> buffer;
    const datagram got = from.recv_from(buffer);
    EXPECT_FALSE(got.truncated);
    return text_of(buffer, got.size);
}

TEST_P(UdpSocket, DatagramsKeepTheirBoundsAndTellTheirSender) {
    run([] {
        auto near = bound();
        auto far = bound();
        EXPECT_EQ(near.send_to(bytes("one"), far.local_endpoint()), 3U);
        EXPECT_EQ(near.send_to(bytes(""), far.local_endpoint()), 0U);
        EXPECT_EQ(near.send_to(bytes("three"), far.local_endpoint()), 5U);
        std::array<std::byte, 100> buffer;
        for (const std::string_view expected : {"one", "", "three"}) {
            const datagram got = far.recv_from(buffer);
            EXPECT_EQ(text_of(buffer, got.size), expected);
            EXPECT_EQ(got.from, near.local_endpoint());
        }
    });
}

TEST_P(UdpSocket, ReceiverIsWoken) {
    run([] {
        auto near = bound();
        auto far = bound();
        for (int i = 0; i < 100; ++i) {
            whereabouts where;
            auto receiver = go([&] {
                where.here();
                return receive(far);
            });
            where.await_parked(test::readable);
            near.send_to(bytes("x"), far.local_endpoint());
            EXPECT_EQ(receiver.join(), "x");
        }
    });
}

TEST_P(UdpSocket, TruncationIsReported) {
    run([] {
        auto near = bound();
        auto far = bound();
        std::array<std::byte, 4> small;
        near.send_to(bytes("12345"), far.local_endpoint());
        datagram got = far.recv_from(small);
        EXPECT_TRUE(got.truncated);
        EXPECT_EQ(text_of(small, got.size), "1234");
        near.send_to(bytes("1234"), far.local_endpoint());
        got = far.recv_from(small);
        EXPECT_FALSE(got.truncated);
        EXPECT_EQ(got.size, 4U);

        near.send_to(bytes("12345"), far.local_endpoint());
        std::error_code ec;
        EXPECT_EQ(far.recv(small, ec), 4U);
        EXPECT_EQ(ec, errc::message_too_long);
        EXPECT_EQ(ec, std::errc::message_size);
        near.send_to(bytes("12345"), far.local_endpoint());
        try {
            far.recv(small);
            FAIL();
        } catch (const io_error& error) {
            EXPECT_EQ(error.transferred(), 4U);
        }
    });
}

TEST_P(UdpSocket, ConnectedSocketHearsItsPeerOnly) {
    run([] {
        auto server = bound();
        auto stranger = bound();
        auto client = udp_socket::connect(server.local_endpoint());
        EXPECT_EQ(client.remote_endpoint(), server.local_endpoint());
        EXPECT_EQ(client.send(bytes("hello")), 5U);
        std::array<std::byte, 100> buffer;
        const datagram got = server.recv_from(buffer);
        EXPECT_EQ(got.from, client.local_endpoint());
        stranger.send_to(bytes("not me"), client.local_endpoint());
        server.send_to(bytes("welcome"), got.from);
        EXPECT_EQ(text_of(buffer, client.recv(buffer)), "welcome");
    });
}

TEST_P(UdpSocket, WithoutAPeerSendIsAnError) {
    run([] {
        auto socket = bound();
        EXPECT_EQ(failure_of([&] { socket.send(bytes("x")); }), std::errc::destination_address_required);
        EXPECT_EQ(failure_of([&] { static_cast<void>(socket.remote_endpoint()); }), std::errc::not_connected);
    });
}

TEST_P(UdpSocket, NobodyListensIsToldOnAConnectedSocket) {
    run([] {
        auto gone = bound();
        auto client = udp_socket::connect(gone.local_endpoint());
        gone.close();
        client.send(bytes("x"));
        std::array<std::byte, 10> buffer;
        EXPECT_EQ(failure_of([&] { client.recv(buffer); }), std::errc::connection_refused);
    });
}

TEST_P(UdpSocket, DatagramThatIsTooLargeIsNotSent) {
    run([] {
        auto near = bound();
        auto far = bound();
        const std::vector<std::byte> huge(70'000);
        EXPECT_EQ(failure_of([&] { near.send_to(huge, far.local_endpoint()); }), std::errc::message_size);
        const std::vector<std::byte> largest(65'507);
        EXPECT_EQ(near.send_to(largest, far.local_endpoint()), largest.size());
        std::vector<std::byte> buffer(70'000);
        EXPECT_EQ(far.recv_from(buffer).size, largest.size());
    });
}

TEST_P(UdpSocket, BatchesOfAnySize) {
    run([] {
        auto near = bound();
        auto far = bound();
        for (const std::size_t count : {0U, 1U, 31U, 32U, 33U, 100U}) {
            std::vector<std::string> texts;
            std::vector<outgoing_datagram> outgoing;
            for (std::size_t i = 0; i < count; ++i) texts.push_back("datagram " + std::to_string(i));
            for (const std::string& each : texts) outgoing.push_back({bytes(each), far.local_endpoint()});
            EXPECT_EQ(near.send_batch(outgoing), count);

            std::array<std::array<std::byte, 100>, 40> buffers;
            std::array<incoming_datagram, 40> incoming;
            for (std::size_t i = 0; i < incoming.size(); ++i) incoming[i].buffer = buffers[i];
            for (std::size_t received = 0; received < count;) {
                const std::size_t got = far.recv_batch(incoming);
                EXPECT_GE(got, 1U);
                for (std::size_t i = 0; i < got; ++i) {
                    EXPECT_EQ(text_of(buffers[i], incoming[i].got.size), texts[received + i]);
                    EXPECT_EQ(incoming[i].got.from, near.local_endpoint());
                }
                received += got;
            }
        }
    });
}

TEST_P(UdpSocket, BatchToTheConnectedPeer) {
    run([] {
        auto far = bound();
        auto near = udp_socket::connect(far.local_endpoint());
        const std::array<outgoing_datagram, 2> outgoing{{{bytes("a")}, {bytes("b")}}};
        EXPECT_EQ(near.send_batch(outgoing), 2U);
        EXPECT_EQ(receive(far), "a");
        EXPECT_EQ(receive(far), "b");
    });
}

TEST_P(UdpSocket, BatchTellsHowManyWentOutBeforeAnError) {
    run([] {
        auto near = bound();
        auto far = bound();
        const std::vector<std::byte> huge(70'000);
        const std::array<outgoing_datagram, 3> outgoing{{{bytes("a"), far.local_endpoint()},
            {huge, far.local_endpoint()}, {bytes("c"), far.local_endpoint()}}};
        try {
            near.send_batch(outgoing);
            FAIL();
        } catch (const io_error& error) {
            EXPECT_EQ(error.code(), std::errc::message_size);
            EXPECT_EQ(error.transferred(), 1U);
        }
        EXPECT_EQ(receive(far), "a");
    });
}

TEST_P(UdpSocket, DeadlineAndCloseEndAReceive) {
    run([] {
        auto socket = bound();
        std::array<std::byte, 10> buffer;
        socket.set_read_deadline(0s);
        EXPECT_EQ(failure_of([&] { socket.recv_from(buffer); }), errc::deadline_exceeded);
        socket.clear_deadline();
        whereabouts where;
        auto receiver = go([&] {
            where.here();
            return failure_of([&] { socket.recv_from(buffer); });
        });
        where.await_parked(test::readable);
        socket.close();
        EXPECT_EQ(receiver.join(), std::errc::operation_canceled);
        EXPECT_EQ(failure_of([&] { socket.recv_from(buffer); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&] { udp_socket().send(bytes("x")); }), std::errc::bad_file_descriptor);
    });
}

TEST_P(UdpSocket, BothFamiliesOverOneSocket) {
    run([] {
        std::error_code ec;
        auto both = udp_socket::bind("[::]:0", ec);
        if (ec == std::errc::address_family_not_supported) GTEST_SKIP() << "no IPv6 here";
        ASSERT_FALSE(ec) << ec.message();
        auto v4 = bound();
        const endpoint address("127.0.0.1", both.local_endpoint().port());
        v4.send_to(bytes("hello"), address);
        std::array<std::byte, 10> buffer;
        const datagram got = both.recv_from(buffer);
        EXPECT_EQ(got.from, v4.local_endpoint());
        both.send_to(bytes("back"), got.from);
        EXPECT_EQ(receive(v4), "back");
    });
}

TEST_P(UdpSocket, AddressesThatCannotBeAreRefused) {
    run([] {
        EXPECT_EQ(failure_of([] { udp_socket::bind("127.0.0.1"); }), std::errc::invalid_argument);
        auto taken = bound();
        EXPECT_EQ(failure_of([&] { udp_socket::bind(taken.local_endpoint()); }), std::errc::address_in_use);
    });
}

TEST_P(UdpSocket, IsACaseOfASelect) {
    run([] {
        auto near = bound();
        auto far = bound();
        EXPECT_EQ(select(on_readable(far, [] { return 1; }), otherwise([] { return 2; })), 2);
        auto waiting = go([&] { return select(on_readable(far, [&] { return receive(far); })); });
        near.send_to(bytes("x"), far.local_endpoint());
        EXPECT_EQ(waiting.join(), "x");
    });
}

// Nothing is lost on loopback while the buffer has room: each receiver answers before more is sent.
TEST_P(UdpSocket, ManyClientsAndServersOfOneSocket) {
    run([] {
        auto server = bound();
        std::vector<fiber<void>> servers;
        for (int i = 0; i < 3; ++i) {
            servers.push_back(go([&] {
                std::array<std::byte, 100> buffer;
                std::error_code ec;
                for (;;) {
                    const datagram got = server.recv_from(buffer, ec);
                    if (ec) return;
                    server.send_to(std::span(buffer).first(got.size), got.from);
                }
            }));
        }
        std::vector<fiber<void>> clients;
        for (int i = 0; i < 10; ++i) {
            clients.push_back(go([&, i] {
                auto client = udp_socket::connect(server.local_endpoint());
                std::array<std::byte, 100> buffer;
                for (int k = 0; k < 50; ++k) {
                    const std::string text = std::to_string(i) + ":" + std::to_string(k);
                    client.send(bytes(text));
                    EXPECT_EQ(text_of(buffer, client.recv(buffer)), text);
                }
            }));
        }
        for (auto& each : clients) each.join();
        server.close();
        for (auto& each : servers) each.join();
    });
}

} // namespace
} // namespace weft::net
