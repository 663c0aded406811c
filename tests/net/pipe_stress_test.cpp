// SPDX-License-Identifier: BSL-1.0
#include "net/net_test.hpp"

#include <weft/net/pipe.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

// A pipe keeps nothing, so what the calls at one end say they wrote is, to the byte, what the calls at the other say they read:
// whatever sizes, deadlines, cancellations and closes come together.
namespace weft::net {
namespace {

using namespace std::chrono_literals;

using PipeStress = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, PipeStress, test::all_worker_counts(), test::workers_name);

constexpr std::size_t largest = 200'000;

// Bytes that tell where in the stream they belong: those from a position on.
std::span<const std::byte> bytes_from(std::size_t position, std::size_t size) {
    constexpr std::size_t period = 251;
    static const std::vector<std::byte> pattern = [] {
        std::vector<std::byte> all(period + largest);
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::byte>(i % period);
        return all;
    }();
    return std::span(pattern).subspan(position % period, size);
}

// One after the other, so that each knows where in the stream its bytes belong.
class conversation {
public:
    // Both until the end of the stream, or until this end is closed.
    void write(pipe_stream& to, unsigned seed, std::size_t up_to) {
        std::mt19937 random(seed);
        while (sent < up_to) {
            const auto from = bytes_from(sent, std::min(draw_size(random), up_to - sent));
            const std::error_code ec = counted(sent, random, [&](std::error_code& why) {
                switch (random() % 3) {
                case 0: return to.write_some(from, why);
                case 1: return to.write_all(from, why);
                default:
                    return to.write_all(
                        std::array{from.first(from.size() / 3), from.subspan(from.size() / 3)}, why);
                }
            });
            if (ec && ec != errc::deadline_exceeded) return;
        }
        std::error_code ec;
        to.shutdown(direction::send, ec);
    }
    void read(pipe_stream& from, unsigned seed) {
        std::mt19937 random(seed);
        std::vector<std::byte> buffer(largest);
        for (bool at_end = false; !at_end;) {
            const auto to = std::span(buffer).first(draw_size(random));
            const std::size_t before = received;
            const std::error_code ec = counted(received, random, [&](std::error_code& why) {
                if (random() % 2 == 0) return from.read_exactly(to, why);
                const std::size_t size = from.read_some(to, why);
                at_end = !why && size == 0;
                return size;
            });
            const auto got = bytes_from(before, received - before);
            if (!std::equal(got.begin(), got.end(), to.begin())) ++wrong;
            if (ec && ec != errc::deadline_exceeded) return;
        }
    }

    std::size_t sent = 0;
    std::size_t received = 0;
    std::size_t wrong = 0; // calls with other bytes than those that belong there

private:
    static std::size_t draw_size(std::mt19937& random) {
        return random() % 8 == 0 ? 1 + random() % largest : 1 + random() % 600;
    }
    // Some of the calls under a timeout that cancels them.
    template <class Call>
    static std::error_code counted(std::size_t& total, std::mt19937& random, Call call) {
        std::error_code ec;
        const auto limit = std::chrono::microseconds(random() % 8 == 0 ? random() % 200 : 3'600'000'000);
        try {
            total += with_timeout(limit, [&] { return call(ec); });
        } catch (const timed_out& early) {
            total += early.transferred();
        }
        if (ec) yield(); // until there is another deadline
        return ec;
    }
};

// Unless it is closed.
void set_deadline(pipe_stream& of, clock::duration from_now, bool of_reads) {
    try {
        of_reads ? of.set_read_deadline(from_now) : of.set_write_deadline(from_now);
    } catch (const io_error& error) {
        EXPECT_EQ(error.code(), std::errc::bad_file_descriptor);
    }
}

// Deadlines that have passed, are about to or are far away, in no order; at last none.
void disturb(pipe_stream& near, pipe_stream& far, unsigned seed, const std::atomic<bool>& stop) {
    std::mt19937 random(seed);
    constexpr std::array<clock::duration, 4> from_now{0s, 20us, 200us, 1h};
    while (!stop) {
        set_deadline(random() % 2 == 0 ? near : far, from_now[random() % from_now.size()], random() % 2 == 0);
        for (unsigned i = random() % 20; i != 0; --i) yield();
    }
    for (pipe_stream* each : {&near, &far})
        for (const bool of_reads : {false, true}) set_deadline(*each, 24h, of_reads);
}

TEST_P(PipeStress, EveryByteOnceAndInOrderUnderDeadlinesAndCancellation) {
    run([] {
        auto [near, far] = pipe();
        std::atomic<bool> stop{false};
        conversation there;
        conversation back;
        constexpr std::size_t enough = 1'000'000;
        auto disturbing = go([&, &a = near, &b = far] { disturb(a, b, 1, stop); });
        auto writing = go([&, &stream = near] { there.write(stream, 2, enough); });
        auto reading = go([&, &stream = far] { there.read(stream, 3); });
        auto writing_back = go([&, &stream = far] { back.write(stream, 4, enough); });
        std::thread reading_back([&, &stream = near] { back.read(stream, 5); });
        writing.join();
        writing_back.join();
        stop = true;
        disturbing.join();
        reading.join();
        reading_back.join();
        for (const conversation* each : {&there, &back}) {
            EXPECT_EQ(each->sent, enough);
            EXPECT_EQ(each->received, enough);
            EXPECT_EQ(each->wrong, 0U);
        }
    });
}

// However it ends, both sides agree on how far it came.
TEST_P(PipeStress, AnEndAtAnyTimeLeavesNoByteInDoubt) {
    run([] {
        for (unsigned round = 0; round < 40; ++round) {
            auto [near, far] = pipe();
            std::atomic<bool> stop{false};
            conversation there;
            auto disturbing = go([&, &a = near, &b = far] { disturb(a, b, round, stop); });
            auto writing = go([&, &stream = near] { there.write(stream, round + 1, 1'000'000'000); });
            auto reading = go([&, &stream = far] { there.read(stream, round + 2); });
            for (unsigned i = 0; i < round / 4; ++i) yield();
            switch (round % 4) {
            case 0: near.close(); break;
            case 1: far.close(); break;
            case 2: near.shutdown(direction::send); break;
            default: far.shutdown(direction::receive);
            }
            writing.join();
            stop = true;
            disturbing.join();
            reading.join();
            EXPECT_EQ(there.received, there.sent);
            EXPECT_EQ(there.wrong, 0U);
        }
    });
}

// A parked call that is woken for a new deadline while somebody copies from or to its buffer, again and again.
TEST_P(PipeStress, DeadlinesChangeWhileBytesAreCopied) {
    run([] {
        constexpr std::size_t chunk = 30'000;
        constexpr std::size_t chunks = 300;
        std::vector<std::uint32_t> sent(chunk * chunks / sizeof(std::uint32_t));
        std::iota(sent.begin(), sent.end(), 0U);
        const auto from = std::as_bytes(std::span(sent));
        for (const bool parks_to_write : {true, false}) {
            auto [near, far] = pipe();
            std::atomic<bool> stop{false};
            auto disturbing = go([&, &a = near, &b = far] {
                while (!stop) {
                    parks_to_write ? a.set_write_deadline(24h) : b.set_read_deadline(24h);
                    yield();
                }
            });
            auto writing = go([&, &stream = near] {
                if (parks_to_write) {
                    EXPECT_EQ(stream.write_all(from), from.size());
                } else {
                    for (std::size_t i = 0; i < chunks; ++i) stream.write_all(from.subspan(i * chunk, chunk));
                }
            });
            std::vector<std::uint32_t> received(sent.size());
            const auto to = std::as_writable_bytes(std::span(received));
            if (parks_to_write) {
                for (std::size_t i = 0; i < chunks; ++i)
                    EXPECT_EQ(far.read_some(to.subspan(i * chunk, chunk)), chunk);
            } else {
                EXPECT_EQ(far.read_exactly(to), to.size());
            }
            writing.join();
            stop = true;
            disturbing.join();
            EXPECT_EQ(received, sent);
        }
    });
}

// Records of one size, which several write and several read: each arrives once and whole, those of a writer in order.
TEST_P(PipeStress, RecordsOfSeveralWritersReachSeveralReadersWhole) {
    run([] {
        constexpr std::uint32_t writers = 5;
        constexpr std::uint32_t each_writes = 2'000;
        struct record {
            std::uint32_t writer = 0;
            std::uint32_t number = 0;
            std::array<std::uint32_t, 30> copies{};
        };
        auto [near, far] = pipe();
        std::vector<fiber<void>> writing;
        for (std::uint32_t i = 0; i < writers; ++i) {
            writing.push_back(go([&, i, &stream = near] {
                for (std::uint32_t number = 0; number < each_writes; ++number) {
                    record one{.writer = i, .number = number};
                    one.copies.fill(i * each_writes + number);
                    stream.write_all(std::as_bytes(std::span(&one, 1)));
                }
            }));
        }
        std::vector<fiber<std::vector<record>>> reading;
        for (int i = 0; i < 3; ++i) {
            reading.push_back(go([&, &stream = far] {
                std::vector<record> got;
                record one;
                std::error_code ec;
                for (;;) {
                    stream.read_exactly(std::as_writable_bytes(std::span(&one, 1)), ec);
                    if (ec) break;
                    got.push_back(one);
                }
                EXPECT_EQ(ec, errc::eof);
                return got;
            }));
        }
        for (auto& each : writing) each.join();
        near.shutdown(direction::send);
        std::vector<std::uint32_t> seen(writers * each_writes);
        for (auto& each : reading) {
            std::array<std::int64_t, writers> last;
            last.fill(-1);
            for (const record& one : each.join()) {
                EXPECT_GT(one.number, last.at(one.writer));
                last.at(one.writer) = one.number;
                const std::uint32_t serial = one.writer * each_writes + one.number;
                EXPECT_EQ(std::count(one.copies.begin(), one.copies.end(), serial), 30);
                ++seen.at(serial);
            }
        }
        EXPECT_EQ(std::count(seen.begin(), seen.end(), 1U), writers * each_writes);
    });
}

} // namespace
} // namespace weft::net
