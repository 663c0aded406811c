// SPDX-License-Identifier: BSL-1.0
#include "net/stream_kinds.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <system_error>
#include <vector>

// What Go's nettest asks of every net.Conn, asked of every kind of stream, and what several calls on one stream may rely on.
namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::failure_of;
using test::read_exact_text;
using test::read_text;
using test::whereabouts;

static_assert(stream<tcp_stream> && stream<descriptor> && stream<pipe_stream> && stream<byte_stream&>);
static_assert(!readable_stream<tcp_listener> && !writable_stream<tcp_listener>);

template <class Kind>
class NetTest : public test::network {
protected:
    // body(near, far), with each number of workers.
    template <class Body>
    static void converse(Body body) {
        for (const unsigned workers : {1U, 2U, 4U, 16U}) {
            SCOPED_TRACE(std::to_string(workers) + " workers");
            weft::run(
                [&] {
                    auto [near, far] = Kind::make();
                    body(near, far);
                },
                {.workers = workers});
        }
    }
};
TYPED_TEST_SUITE(NetTest, test::all_stream_kinds, test::kind_name);

constexpr std::array<std::byte, 1024> block{};

// Sends back what comes, until the end or a failure.
template <stream S>
std::error_code echo(S& peer) {
    std::array<std::byte, 1024> buffer;
    std::error_code ec;
    for (;;) {
        const std::size_t size = peer.read_some(buffer, ec);
        if (ec || size == 0) return ec;
        peer.write_all(std::span(buffer).first(size), ec);
        if (ec) return ec;
    }
}

// Until the end or a failure; gives the number of bytes.
template <stream S>
std::size_t drain(S& from) {
    std::array<std::byte, 4096> buffer;
    std::error_code ec;
    std::size_t sum = 0;
    for (;;) {
        const std::size_t size = from.read_some(buffer, ec);
        if (ec || size == 0) return sum;
        sum += size;
    }
}

template <stream S>
std::error_code read_until_failure(S& from) {
    std::array<std::byte, 1024> buffer;
    std::error_code ec;
    while (!ec) from.read_some(buffer, ec);
    return ec;
}

struct written {
    std::size_t bytes = 0;
    std::error_code why;
};
template <stream S>
written write_until_failure(S& to) {
    written result;
    while (!result.why) result.bytes += to.write_all(block, result.why);
    return result;
}

// With an echo at the other end, which answers nothing else any more.
template <stream S>
void expect_round_trip(S& near) {
    near.clear_deadline();
    near.write_all(bytes("there and back"));
    EXPECT_EQ(read_exact_text(near, 14), "there and back");
}

bool is_close(const std::error_code& ec) {
    return ec == std::errc::operation_canceled || ec == std::errc::bad_file_descriptor;
}

TYPED_TEST(NetTest, BasicIO) {
    this->converse([](auto& near, auto& far) {
        std::vector<std::uint32_t> sent(50'000);
        std::mt19937 random(1);
        for (auto& each : sent) each = static_cast<std::uint32_t>(random());
        auto answering = go([&] { return echo(far); });
        auto writing = go([&] {
            auto rest = std::as_bytes(std::span(sent));
            for (std::size_t size = 1; !rest.empty(); size = std::min(size * 3, rest.size())) {
                near.write_all(rest.first(size));
                rest = rest.subspan(size);
            }
            near.shutdown(direction::send);
        });
        std::vector<std::uint32_t> received(sent.size());
        near.read_exactly(std::as_writable_bytes(std::span(received)));
        EXPECT_EQ(received, sent);
        writing.join();
        EXPECT_FALSE(answering.join());
        far.close();
        EXPECT_EQ(read_text(near, 1), "");
        EXPECT_EQ(read_text(near, 1), "") << "for ever";
    });
}

TYPED_TEST(NetTest, PingPong) {
    this->converse([](auto& near, auto& far) {
        const auto play = [](auto& stream, bool serves) {
            std::uint64_t ball = 0;
            const auto as_bytes = std::as_writable_bytes(std::span(&ball, 1));
            if (serves) stream.write_all(as_bytes);
            for (std::uint64_t expected = serves ? 1 : 0; expected < 200; expected += 2) {
                stream.read_exactly(as_bytes);
                EXPECT_EQ(ball, expected);
                ++ball;
                stream.write_all(as_bytes);
            }
            if (serves) return;
            std::error_code ec;
            EXPECT_EQ(stream.read_exactly(as_bytes, ec), 8U);
            EXPECT_EQ(ball, 200U);
        };
        auto other = go([&] { play(far, false); });
        play(near, true);
        other.join();
    });
}

// Several calls and deadlines at a time: none but those errors, and each byte arrives once.
TYPED_TEST(NetTest, RacyRead) {
    this->converse([](auto& near, auto& far) {
        auto writing = go([&] { return write_until_failure(far); });
        std::atomic<std::size_t> received{0};
        std::vector<fiber<void>> readers;
        for (int i = 0; i < 10; ++i) {
            readers.push_back(go([&] {
                std::array<std::byte, 1024> buffer;
                near.set_read_deadline(1ms);
                for (int round = 0; round < 10; ++round) {
                    std::error_code ec;
                    received += near.read_some(buffer, ec);
                    if (!ec) continue;
                    EXPECT_EQ(ec, errc::deadline_exceeded);
                    near.set_read_deadline(1ms);
                }
            }));
        }
        for (auto& each : readers) each.join();
        near.clear_deadline();
        auto rest = go([&] { return drain(near); });
        far.set_write_deadline(0s);
        const written sent = writing.join();
        EXPECT_EQ(sent.why, errc::deadline_exceeded);
        far.close();
        const std::size_t all = received + rest.join();
        EXPECT_TRUE(all == sent.bytes || !TypeParam::writes_after_a_timeout);
    });
}

TYPED_TEST(NetTest, RacyWrite) {
    this->converse([](auto& near, auto& far) {
        auto reading = go([&] { return drain(far); });
        std::atomic<std::size_t> sent{0};
        std::vector<fiber<void>> writers;
        for (int i = 0; i < 10; ++i) {
            writers.push_back(go([&, i] {
                near.set_write_deadline(1ms);
                for (int round = 0; round < 10; ++round) {
                    std::error_code ec;
                    sent += i % 2 == 0 ? near.write_all(block, ec) : near.write_some(block, ec);
                    if (!ec) continue;
                    EXPECT_TRUE(ec == errc::deadline_exceeded || !TypeParam::writes_after_a_timeout) << ec;
                    near.set_write_deadline(1ms);
                }
            }));
        }
        for (auto& each : writers) each.join();
        near.close();
        EXPECT_TRUE(reading.join() == sent || !TypeParam::writes_after_a_timeout);
    });
}

TYPED_TEST(NetTest, ReadTimeout) {
    this->converse([](auto& near, auto& far) {
        auto reading = go([&] { return drain(far); });
        near.set_read_deadline(0s);
        std::array<std::byte, 1024> buffer;
        std::error_code ec;
        EXPECT_EQ(near.read_some(buffer, ec), 0U);
        EXPECT_EQ(ec, errc::deadline_exceeded);
        EXPECT_EQ(near.write_all(block), block.size());
        near.close();
        EXPECT_EQ(reading.join(), block.size());
    });
}

TYPED_TEST(NetTest, WriteTimeout) {
    this->converse([](auto& near, auto& far) {
        auto writing = go([&] { return write_until_failure(far); });
        near.set_write_deadline(0s);
        std::error_code ec;
        EXPECT_EQ(near.write_some(block, ec), 0U);
        EXPECT_EQ(ec, errc::deadline_exceeded);
        EXPECT_EQ(read_exact_text(near, 1024).size(), 1024U);
        far.set_write_deadline(0s);
        writing.join();
    });
}

TYPED_TEST(NetTest, PastTimeout) {
    this->converse([](auto& near, auto& far) {
        auto answering = go([&] { return echo(far); });
        expect_round_trip(near);
        near.set_deadline(-1h);
        for (int i = 0; i < 2; ++i) {
            std::array<std::byte, 1024> buffer;
            std::error_code ec;
            EXPECT_EQ(near.write_all(block, ec), 0U);
            EXPECT_TRUE(ec == errc::deadline_exceeded || !TypeParam::writes_after_a_timeout);
            EXPECT_EQ(near.read_some(buffer, ec), 0U);
            EXPECT_EQ(ec, errc::deadline_exceeded);
        }
        if (TypeParam::writes_after_a_timeout) expect_round_trip(near);
        near.close();
        answering.join();
    });
}

// A deadline that comes while calls are parked.
TYPED_TEST(NetTest, PresentTimeout) {
    this->converse([](auto& near, auto&) {
        whereabouts at_reading;
        whereabouts at_writing;
        auto reading = go([&] {
            at_reading.here();
            return read_until_failure(near);
        });
        auto writing = go([&] {
            at_writing.here();
            return write_until_failure(near);
        });
        at_reading.await_parked(TypeParam::reading);
        at_writing.await_parked(TypeParam::writing);
        near.set_deadline(0s);
        EXPECT_EQ(reading.join(), errc::deadline_exceeded);
        EXPECT_EQ(writing.join().why, errc::deadline_exceeded);
        EXPECT_EQ(read_until_failure(near), errc::deadline_exceeded);
    });
}

// One that passes while they are; then what was written arrives, and the stream goes on.
TYPED_TEST(NetTest, FutureTimeout) {
    this->converse([](auto& near, auto& far) {
        near.set_deadline(10ms);
        auto reading = go([&] { return read_until_failure(near); });
        const written sent = write_until_failure(near);
        EXPECT_EQ(sent.why, errc::deadline_exceeded);
        EXPECT_EQ(reading.join(), errc::deadline_exceeded);
        if (!TypeParam::writes_after_a_timeout) return;
        auto answering = go([&] { return echo(far); });
        near.clear_deadline();
        EXPECT_EQ(read_exact_text(near, sent.bytes), std::string(sent.bytes, '\0'));
        expect_round_trip(near);
        near.close();
        answering.join();
    });
}

TYPED_TEST(NetTest, CloseTimeout) {
    this->converse([](auto& near, auto& far) {
        auto answering = go([&] { return echo(far); });
        near.set_deadline(24h);
        auto reading = go([&] { return read_until_failure(near); });
        auto writing = go([&] { return write_until_failure(near); });
        for (int i = 0; i < 10; ++i) yield();
        near.close();
        const std::error_code of_reads = reading.join();
        EXPECT_TRUE(is_close(of_reads)) << of_reads.message();
        const std::error_code of_writes = writing.join().why;
        EXPECT_TRUE(is_close(of_writes)) << of_writes.message();
        answering.join();
    });
}

TYPED_TEST(NetTest, CloseEndsParkedCallsAndTheStreamOfThePeer) {
    this->converse([](auto& near, auto& far) {
        whereabouts at_reading;
        whereabouts at_writing;
        auto writing = go([&] {
            at_writing.here();
            return write_until_failure(near).why;
        });
        at_writing.await_parked(TypeParam::writing);
        auto reading = go([&] {
            at_reading.here();
            return read_until_failure(near);
        });
        at_reading.await_parked(TypeParam::reading);
        near.close();
        EXPECT_EQ(reading.join(), std::errc::operation_canceled);
        EXPECT_EQ(writing.join(), std::errc::operation_canceled);
        drain(far);
        if (TypeParam::ends_after_a_cut_write) {
            EXPECT_EQ(read_text(far, 1), "");
        }
        EXPECT_EQ(failure_of([&] { near.read_some({}); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&] { near.write_all(block); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&] { near.shutdown(direction::send); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&] { near.set_deadline(1h); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&] { near.close(); }), std::errc::bad_file_descriptor);
        EXPECT_FALSE(near.is_open());
        EXPECT_TRUE(far.is_open());
    });
}

TYPED_TEST(NetTest, HalfCloseLeavesTheOtherDirection) {
    this->converse([](auto& near, auto& far) {
        auto writing = go([&] {
            near.write_all(bytes("last"));
            near.shutdown(direction::send);
        });
        EXPECT_EQ(read_exact_text(far, 4), "last");
        EXPECT_EQ(read_text(far, 10), "");
        EXPECT_EQ(read_text(far, 10), "") << "for ever";
        writing.join();
        EXPECT_EQ(failure_of([&] { near.write_all(bytes("x")); }), std::errc::broken_pipe);
        auto answering = go([&] { far.write_all(bytes("answer")); });
        EXPECT_EQ(read_exact_text(near, 6), "answer");
        answering.join();
    });
}

TYPED_TEST(NetTest, ReadExactlyTellsAnEndFromATornMessage) {
    this->converse([](auto& near, auto& far) {
        auto writing = go([&] {
            near.write_all(bytes("abc"));
            near.shutdown(direction::send);
        });
        std::array<std::byte, 8> buffer{};
        try {
            far.read_exactly(buffer);
            ADD_FAILURE() << "there were only three";
        } catch (const io_error& error) {
            EXPECT_EQ(error.code(), errc::unexpected_eof);
            EXPECT_EQ(error.transferred(), 3U);
            EXPECT_EQ(buffer[2], std::byte{'c'});
        }
        std::error_code ec;
        EXPECT_EQ(far.read_exactly(buffer, ec), 0U);
        EXPECT_EQ(ec, errc::eof);
        writing.join();
    });
}

TYPED_TEST(NetTest, WritesAreNotInterleaved) {
    this->converse([](auto& near, auto& far) {
        constexpr std::size_t size = 100'000;
        std::vector<fiber<void>> writers;
        for (std::size_t i = 0; i < 6; ++i) {
            writers.push_back(go([&, i] {
                const std::string text(size, static_cast<char>('a' + i));
                if (i % 2 == 0)
                    near.write_all(bytes(text));
                else
                    near.write_all(std::array{bytes(text).first(1000), bytes(text).subspan(1000)});
            }));
        }
        std::string letters;
        for (std::size_t i = 0; i < writers.size(); ++i) {
            const std::string text = read_exact_text(far, size);
            EXPECT_EQ(text, std::string(size, text.front()));
            letters += text.front();
        }
        std::sort(letters.begin(), letters.end());
        EXPECT_EQ(letters, "abcdef");
        for (auto& each : writers) each.join();
    });
}

// Every method at once, from many fibers.
TYPED_TEST(NetTest, ConcurrentMethods) {
    this->converse([](auto& near, auto& far) {
        auto answering = go([&] { return echo(far); });
        near.set_deadline(2ms); // there is always one
        std::vector<fiber<void>> users;
        for (int i = 0; i < 32; ++i) {
            users.push_back(go([&, i] {
                std::array<std::byte, 64> buffer{};
                std::error_code ec;
                for (int round = 0; round < 10; ++round) {
                    switch ((i + round) % 7) {
                    case 0: near.read_some(buffer, ec); break;
                    case 1: near.write_some(buffer, ec); break;
                    case 2: near.set_deadline(2ms); break;
                    case 3: near.set_read_deadline(1ms); break;
                    case 4: near.set_write_deadline(1ms); break;
                    case 5: near.write_all(std::array{std::span<const std::byte>(buffer)}, ec); break;
                    default: EXPECT_TRUE(near.is_open());
                    }
                    EXPECT_TRUE(!ec || ec == errc::deadline_exceeded || !TypeParam::writes_after_a_timeout)
                        << ec;
                }
            }));
        }
        for (auto& each : users) each.join();
        near.close();
        answering.join();
    });
}

} // namespace
} // namespace weft::net
