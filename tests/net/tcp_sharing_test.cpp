// SPDX-License-Identifier: BSL-1.0
#include "net/tcp_test.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace weft::net {
namespace {

using test::bytes;
using test::connection;
using test::drain;
using test::read_exact_text;
using test::whereabouts;

using TcpSharing = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, TcpSharing, test::all_worker_counts(), test::workers_name);

TEST_P(TcpSharing, WritesAreNotInterleaved) {
    run([] {
        constexpr std::size_t size = 300'000;
        constexpr std::size_t writers = 8;
        auto [near, far] = connection();
        std::vector<fiber<void>> all;
        for (std::size_t i = 0; i < writers; ++i) {
            all.push_back(go([&stream = near, i] {
                const std::string block(size, static_cast<char>('a' + i));
                if (i % 2 == 0) {
                    stream.write_all(bytes(block));
                } else {
                    const std::string_view text = block;
                    stream.write_all(std::array{bytes(text.substr(0, 1000)), bytes(text.substr(1000))});
                }
            }));
        }
        std::string letters;
        for (std::size_t i = 0; i < writers; ++i) {
            const std::string block = read_exact_text(far, size);
            EXPECT_EQ(block, std::string(size, block.front()));
            letters += block.front();
        }
        std::sort(letters.begin(), letters.end());
        EXPECT_EQ(letters, "abcdefgh");
        for (auto& each : all) each.join();
    });
}

TEST_P(TcpSharing, SeveralReadersGetEachByteOnce) {
    run([] {
        auto [near, far] = connection();
        constexpr std::uint32_t count = 200'000;
        std::vector<fiber<std::vector<std::uint32_t>>> readers;
        for (int i = 0; i < 6; ++i) {
            readers.push_back(go([&stream = far] {
                std::vector<std::uint32_t> got;
                for (;;) {
                    std::array<std::uint32_t, 37> numbers;
                    std::error_code ec;
                    const std::size_t size =
                        stream.read_exactly(std::as_writable_bytes(std::span(numbers)), ec);
                    EXPECT_EQ(size % 4, 0U);
                    got.insert(
                        got.end(), numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(size / 4));
                    if (ec) return got;
                }
            }));
        }
        auto writer = go([&stream = near] {
            std::vector<std::uint32_t> numbers(count);
            std::iota(numbers.begin(), numbers.end(), 0U);
            stream.write_all(std::as_bytes(std::span(numbers)));
            stream.shutdown(direction::send);
        });
        std::vector<bool> seen(count);
        std::size_t sum = 0;
        for (auto& each : readers) {
            for (const std::uint32_t number : each.join()) {
                EXPECT_FALSE(seen.at(number));
                seen.at(number) = true;
                ++sum;
            }
        }
        EXPECT_EQ(sum, count);
        writer.join();
    });
}

TEST_P(TcpSharing, SeveralAcceptersGetEachConnectionOnce) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        std::vector<fiber<std::vector<tcp_stream>>> accepters;
        for (int i = 0; i < 5; ++i) {
            accepters.push_back(go([&] {
                std::vector<tcp_stream> got;
                std::error_code ec;
                for (tcp_stream peer = listener.accept(ec); !ec; peer = listener.accept(ec)) {
                    peer.write_all(bytes("!"));
                    got.push_back(std::move(peer));
                }
                return got;
            }));
        }
        std::vector<endpoint> clients;
        std::vector<tcp_stream> streams;
        for (int i = 0; i < 200; ++i) {
            streams.push_back(tcp_stream::connect(address));
            clients.push_back(streams.back().local_endpoint());
        }
        for (tcp_stream& each : streams) EXPECT_EQ(read_exact_text(each, 1), "!");
        listener.close();
        std::vector<endpoint> peers;
        for (auto& each : accepters) {
            for (const tcp_stream& peer : each.join()) peers.push_back(peer.remote_endpoint());
        }
        std::sort(clients.begin(), clients.end());
        std::sort(peers.begin(), peers.end());
        EXPECT_EQ(peers, clients);
    });
}

TEST_P(TcpSharing, CancelledReaderTookNothing) {
    run([] {
        auto [near, far] = connection();
        for (int i = 0; i < 50; ++i) {
            whereabouts where;
            auto reader = go([&, &stream = far] {
                where.here();
                return read_exact_text(stream, 1);
            });
            where.await_parked(test::readable);
            reader.cancel();
            EXPECT_THROW(reader.join(), cancelled);
        }
        near.write_all(bytes("whole"));
        EXPECT_EQ(read_exact_text(far, 5), "whole");

        auto late = go([&stream = far] {
            std::error_code ec;
            std::array<std::byte, 1> byte;
            for (;;) stream.read_some(byte, ec);
        });
        near.write_all(bytes(std::string(100'000, 'x')));
        late.cancel();
        EXPECT_THROW(late.join(), cancelled)
            << "also through the form with an error_code, and also if data keep coming";
    });
}

// A fiber whose socket is always ready lets the others run.
TEST_P(TcpSharing, AlwaysReadySocketDoesNotStarveOthers) {
    run([] {
        auto [near, far] = connection();
        std::atomic<bool> stop{false};
        std::atomic<bool> talks{false};
        auto talker = go([&, &stream = near] {
            std::array<std::byte, 1> byte{};
            while (!stop) {
                stream.write_all(byte);
                talks = true;
            }
            stream.shutdown(direction::send);
        });
        auto listener = go([&stream = far] { return drain(stream); });
        while (!talks) yield();
        for (int i = 0; i < 100; ++i) yield();
        stop = true;
        talker.join();
        EXPECT_GT(listener.join(), 0U);
    });
}

} // namespace
} // namespace weft::net
