// SPDX-License-Identifier: BSL-1.0
#include "net/stream_kinds.hpp"
#include "net/tcp_test.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <vector>

namespace weft::net {
namespace {

using test::narrow;
using test::unread;
using test::whereabouts;

std::vector<std::byte> pattern(std::size_t size) {
    std::vector<std::byte> result(size);
    unsigned state = 7;
    for (std::byte& each : result)
        each = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
    return result;
}

// FNV-1a.
class checksum {
public:
    void add(std::span<const std::byte> bytes) {
        for (const std::byte each : bytes)
            state_ = (state_ ^ std::to_integer<std::uint64_t>(each)) * 0x100000001b3U;
        count_ += bytes.size();
    }
    bool operator==(const checksum&) const = default;

private:
    std::uint64_t state_ = 0xcbf29ce484222325U;
    std::size_t count_ = 0;
};

checksum checksum_of(std::span<const std::byte> bytes) {
    checksum sum;
    sum.add(bytes);
    return sum;
}

constexpr std::size_t amount = 400'000; // many times what fits

using PartialTransfers = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, PartialTransfers, test::all_worker_counts(), test::workers_name);

// A write of `amount` bytes meets a socket with hardly any room, whose reader takes one byte at a time, in the first part at least.
template <class Kind, class Write>
void in_small_pieces(std::span<const std::byte> sent, Write write) {
    auto [near, far] = Kind::make();
    narrow(near);
    whereabouts where;
    auto writing = go([&, &to = near] {
        where.here();
        const std::uint64_t count = write(to);
        to.shutdown(direction::send);
        return count;
    });
    where.await_parked(test::writable);
    checksum received;
    std::vector<std::byte> room(1);
    for (std::size_t i = 0; i < 20'000; ++i) {
        far.read_exactly(room);
        received.add(room);
    }
    room.resize(1000);
    while (const std::size_t size = far.read_some(room)) received.add(std::span(room).first(size));
    EXPECT_EQ(writing.join(), sent.size());
    EXPECT_TRUE(received == checksum_of(sent));
}

template <class Write>
void in_small_pieces_over_all(std::span<const std::byte> sent, Write write) {
    in_small_pieces<test::tcp_kind>(sent, write);
    in_small_pieces<test::unix_kind>(sent, write);
}

TEST_P(PartialTransfers, PlainWrite) {
    run([] {
        const auto sent = pattern(amount);
        in_small_pieces_over_all(sent, [&](auto& to) { return to.write_all(sent); });
    });
}

TEST_P(PartialTransfers, WritesOfWhatFits) {
    run([] {
        const auto sent = pattern(amount);
        in_small_pieces_over_all(sent, [&](auto& to) {
            std::size_t done = 0;
            while (done != sent.size()) done += to.write_some(std::span(sent).subspan(done));
            return done;
        });
    });
}

// Pieces of no byte, of one, and of more than there is ever room for.
TEST_P(PartialTransfers, GatheredWrite) {
    run([] {
        const auto sent = pattern(amount);
        std::vector<std::span<const std::byte>> pieces;
        std::span<const std::byte> rest = sent;
        for (std::size_t i = 0; !rest.empty(); ++i) {
            const std::size_t size = i % 97 == 96 ? 20'000 : i % 7;
            pieces.push_back(rest.first(std::min(size, rest.size())));
            rest = rest.subspan(pieces.back().size());
        }
        in_small_pieces_over_all(sent, [&](auto& to) { return to.write_all(pieces); });
    });
}

TEST_P(PartialTransfers, SendFile) {
    run([] {
        constexpr std::size_t before = 12'345;
        const auto content = pattern(before + amount);
        std::FILE* const file = std::tmpfile();
        std::fwrite(content.data(), 1, content.size(), file);
        std::fflush(file);
        in_small_pieces_over_all(std::span(content).subspan(before),
            [&](auto& to) { return to.send_file(::fileno(file), before, amount); });
        std::fclose(file);
    });
}

// Each read gets one byte: the next one is sent when that was taken.
template <class Kind>
void byte_by_byte() {
    auto [near, far] = Kind::make();
    const auto sent = pattern(200);
    auto writing = go([&, &to = near, &from = far] {
        for (const std::byte& each : sent) {
            to.write_all(std::span(&each, 1));
            while (unread(from) != 0) yield();
        }
        to.close();
    });
    std::vector<std::byte> received(sent.size());
    EXPECT_EQ(far.read_exactly(received), sent.size());
    EXPECT_EQ(received, sent);
    writing.join();
    EXPECT_EQ(far.read_some(received), 0U);
}

TEST_P(PartialTransfers, ReadsOfOneByte) {
    run([] {
        byte_by_byte<test::tcp_kind>();
        byte_by_byte<test::unix_kind>();
    });
}

} // namespace
} // namespace weft::net
