// SPDX-License-Identifier: BSL-1.0
#include "net/tcp_test.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/resource.h>

namespace weft::net {
namespace {

using test::bytes;
using test::connection;
using test::echo;
using test::read_exact_text;

using TcpTransfer = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, TcpTransfer, test::all_worker_counts(), test::workers_name);

// Serves until the listener is closed.
void serve_echo(tcp_listener& listener) {
    std::vector<fiber<void>> handlers;
    std::error_code ec;
    for (;;) {
        tcp_stream peer = listener.accept(ec);
        if (ec) break;
        handlers.push_back(go([peer = std::move(peer)]() mutable { echo(std::move(peer)); }));
    }
    EXPECT_TRUE(ec == std::errc::operation_canceled || ec == std::errc::bad_file_descriptor) << ec.message();
    for (auto& each : handlers) each.join();
}

TEST_P(TcpTransfer, EchoOverManyConnections) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        auto server = go([&] { serve_echo(listener); });
        std::vector<fiber<void>> clients;
        for (int i = 0; i < 50; ++i) {
            clients.push_back(go([address, i] {
                auto stream = tcp_stream::connect(address);
                for (int round = 0; round < 50; ++round) {
                    const std::string sent = std::to_string(i) + "/" + std::to_string(round);
                    EXPECT_EQ(stream.write_all(bytes(sent)), sent.size());
                    EXPECT_EQ(read_exact_text(stream, sent.size()), sent);
                }
            }));
        }
        for (auto& each : clients) each.join();
        listener.close();
        server.join();
    });
}

TEST_P(TcpTransfer, MoreConnectionsAtOnceThanThePollerReportsInOneCall) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const auto connections = static_cast<std::size_t>(std::min<rlim_t>(2000, limit.rlim_cur / 2 - 50));
    run([connections] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        std::vector<tcp_stream> near;
        std::vector<fiber<std::string>> readers;
        for (std::size_t i = 0; i < connections; ++i) {
            near.push_back(tcp_stream::connect(address));
            readers.push_back(go([far = listener.accept()]() mutable { return read_exact_text(far, 4); }));
        }
        for (tcp_stream& each : near) each.write_all(bytes("data"));
        for (auto& each : readers) EXPECT_EQ(each.join(), "data");
    });
}

TEST_P(TcpTransfer, LargeTransfersArriveWhole) {
    run([] {
        auto [near, far] = connection();
        std::vector<std::uint32_t> sent(1'000'000);
        std::iota(sent.begin(), sent.end(), 0U);
        auto writer = go([&, &stream = near] {
            EXPECT_EQ(stream.write_all(std::as_bytes(std::span(sent))), sent.size() * 4);
            stream.shutdown(direction::send);
        });
        std::vector<std::uint32_t> received(sent.size());
        EXPECT_EQ(far.read_exactly(std::as_writable_bytes(std::span(received))), sent.size() * 4);
        EXPECT_EQ(far.read_some(std::as_writable_bytes(std::span(received))), 0U);
        EXPECT_EQ(received, sent);
        writer.join();
    });
}

TEST_P(TcpTransfer, GatherWritesEveryPieceInOrder) {
    run([] {
        auto [near, far] = connection();
        std::vector<std::string> pieces;
        std::string whole;
        for (std::size_t i = 0; i < 300; ++i) {
            pieces.emplace_back(i % 7 == 0 ? 0 : i * 40, static_cast<char>('a' + i % 26));
            whole += pieces.back();
        }
        std::vector<std::span<const std::byte>> gather;
        for (const std::string& each : pieces) gather.push_back(bytes(each));
        auto writer = go([&, &stream = near] { EXPECT_EQ(stream.write_all(gather), whole.size()); });
        EXPECT_EQ(read_exact_text(far, whole.size()), whole);
        writer.join();

        const std::array<std::vector<std::byte>, 2> vectors{
            std::vector(3, std::byte{'x'}), std::vector(2, std::byte{'y'})};
        std::error_code ec;
        EXPECT_EQ(near.write_all(vectors, ec), 5U);
        EXPECT_EQ(read_exact_text(far, 5), "xxxyy");
        EXPECT_EQ(near.write_all(std::vector<std::span<const std::byte>>(5), ec), 0U);
        EXPECT_FALSE(ec);
    });
}

} // namespace
} // namespace weft::net
