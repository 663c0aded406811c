// SPDX-License-Identifier: BSL-1.0
#include "net/tcp_test.hpp"

#include <weft/cancel.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::connection;
using test::failure_of;
using test::fill;
using test::read_exact_text;
using test::read_text;
using test::reset_at_close;
using test::whereabouts;

std::vector<std::byte> pattern(std::size_t size) {
    std::vector<std::byte> result(size);
    unsigned state = 1;
    for (std::byte& each : result)
        each = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
    return result;
}

std::vector<std::byte> read_all(byte_stream& from) {
    std::vector<std::byte> result;
    std::array<std::byte, 4096> buffer;
    while (const std::size_t size = from.read_some(buffer))
        result.insert(result.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
    return result;
}

using Copy = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, Copy, test::all_worker_counts(), test::workers_name);

TEST_P(Copy, AllOfItToTheEnd) {
    run([] {
        auto [source, in] = connection();
        auto [out, sink] = connection();
        const auto sent = pattern(1'000'000);
        auto writer = go([&, &stream = source] {
            stream.write_all(sent);
            stream.close();
        });
        auto copying = go([&, &from = in, &to = out] {
            const std::uint64_t count = copy(from, to);
            to.close();
            return count;
        });
        EXPECT_EQ(read_all(sink), sent);
        EXPECT_EQ(copying.join(), sent.size());
        writer.join();
    });
}

TEST_P(Copy, FailureTellsHowMuchWasWritten) {
    run([] {
        auto [source, in] = connection();
        auto [out, sink] = connection();
        source.write_all(bytes("hello"));
        auto copying = go([&, &from = in, &to = out] {
            try {
                copy(from, to);
            } catch (const io_error& error) {
                EXPECT_EQ(error.transferred(), 5U);
                return error.code();
            }
            return std::error_code();
        });
        EXPECT_EQ(read_exact_text(sink, 5), "hello");
        in.set_read_deadline(0s);
        EXPECT_EQ(copying.join(), errc::deadline_exceeded);
    });
}

TEST_P(Copy, CancelledTellsHowMuchWasWritten) {
    run([] {
        auto [source, in] = connection();
        auto [out, sink] = connection();
        source.write_all(bytes("hello"));
        whereabouts where;
        auto copying = go([&, &from = in, &to = out] {
            where.here();
            try {
                copy(from, to);
            } catch (const cancelled& early) {
                return early.transferred();
            }
            return std::size_t{0};
        });
        EXPECT_EQ(read_exact_text(sink, 5), "hello");
        copying.cancel();
        EXPECT_EQ(copying.join(), 5U);
    });
}

TEST_P(Copy, BothDirectionsWithHalfClose) {
    run([] {
        auto [client, left] = connection();
        auto [right, server] = connection();
        auto between = go([&, &first = left, &second = right] { return copy_bidirectional(first, second); });
        const auto question = pattern(300'000);
        auto asking = go([&, &stream = client] {
            stream.write_all(question);
            stream.shutdown(direction::send);
        });
        EXPECT_EQ(read_all(server), question);
        server.write_all(bytes("answer"));
        server.close();
        EXPECT_EQ(read_exact_text(client, 6), "answer");
        EXPECT_EQ(read_text(client, 1), "");
        asking.join();
        const copied counts = between.join();
        EXPECT_EQ(counts.first_to_second, question.size());
        EXPECT_EQ(counts.second_to_first, 6U);
    });
}

TEST_P(Copy, FailureOfOneDirectionEndsTheOther) {
    run([] {
        auto [client, left] = connection();
        auto [right, server] = connection();
        auto between = go([&, &first = left, &second = right] {
            return failure_of([&] { copy_bidirectional(first, second); });
        });
        client.write_all(bytes("x"));
        EXPECT_EQ(read_exact_text(server, 1), "x");
        reset_at_close(client);
        client.close();
        EXPECT_EQ(between.join(), std::errc::connection_reset);
        EXPECT_TRUE(left.is_open());
    });
}

TEST_P(Copy, BothDirectionsAreCancelled) {
    run([] {
        auto [client, left] = connection();
        auto [right, server] = connection();
        cancel_source source;
        auto between = go([&, &first = left, &second = right] {
            const cancel_scope scope(source.token());
            EXPECT_THROW(copy_bidirectional(first, second), cancelled);
        });
        client.write_all(bytes("x"));
        EXPECT_EQ(read_exact_text(server, 1), "x");
        source.cancel();
        between.join();
    });
}

using Split = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, Split, test::all_worker_counts(), test::workers_name);

TEST_P(Split, HalvesWorkApart) {
    run([] {
        auto [near, far] = connection();
        auto [in, out] = split(std::move(near));
        auto reader = go([half = std::move(in)]() mutable {
            std::array<std::byte, 5> to;
            half.read_exactly(to);
            return half.read_some(to);
        });
        out.write_all(bytes("hello"));
        EXPECT_EQ(read_exact_text(far, 5), "hello");
        far.write_all(bytes("world"));
        far.shutdown(direction::send);
        EXPECT_EQ(reader.join(), 0U);
        EXPECT_TRUE(out.is_open());
        out.write_all(bytes("still"));
        EXPECT_EQ(read_exact_text(far, 5), "still");
    });
}

TEST_P(Split, EndOfTheWriteHalfIsTheEndForThePeer) {
    run([] {
        auto [near, far] = connection();
        auto [in, out] = split(std::move(near));
        { const auto gone = std::move(out); }
        EXPECT_EQ(read_text(far, 1), "");
        far.write_all(bytes("x"));
        std::array<std::byte, 1> to;
        EXPECT_EQ(in.read_some(to), 1U);
    });
}

TEST_P(Split, EndOfBothClosesTheStream) {
    run([] {
        auto [near, far] = connection();
        const int number = near.native_handle();
        {
            auto [in, out] = split(std::move(near));
            EXPECT_EQ(in.stream().native_handle(), number);
            EXPECT_EQ(&in.stream(), &out.stream());
        }
        EXPECT_EQ(read_text(far, 1), "");
    });
}

// A file that has no name.
class file {
public:
    explicit file(std::span<const std::byte> content) : stream_(std::tmpfile()) {
        std::fwrite(content.data(), 1, content.size(), stream_);
        std::fflush(stream_);
    }
    ~file() { std::fclose(stream_); }
    file(const file&) = delete;
    file& operator=(const file&) = delete;
    int number() const { return ::fileno(stream_); }

private:
    std::FILE* stream_;
};

using SendFile = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, SendFile, test::all_worker_counts(), test::workers_name);

TEST_P(SendFile, APartOfAFile) {
    run([] {
        auto [near, far] = connection();
        const file content(bytes("0123456789"));
        EXPECT_EQ(near.send_file(content.number(), 2, 5), 5U);
        EXPECT_EQ(read_exact_text(far, 5), "23456");
        EXPECT_EQ(near.send_file(content.number(), 8, 100), 2U);
        EXPECT_EQ(read_exact_text(far, 2), "89");
        EXPECT_EQ(near.send_file(content.number(), 100, 1), 0U);
        EXPECT_EQ(near.send_file(content.number(), 0, 0), 0U);
    });
}

TEST_P(SendFile, MoreThanTheSocketHolds) {
    run([] {
        auto [near, far] = connection();
        const auto sent = pattern(8'000'000);
        const file content(sent);
        auto sender = go([&, &stream = near] {
            const std::uint64_t count = stream.send_file(content.number(), 0, sent.size());
            stream.close();
            return count;
        });
        EXPECT_EQ(read_all(far), sent);
        EXPECT_EQ(sender.join(), sent.size());
    });
}

// SIGPIPE has its default action here, which would end the program.
TEST_P(SendFile, PeerThatIsGoneIsAnError) {
    run([] {
        auto [near, far] = connection();
        const file content(pattern(100'000));
        reset_at_close(far);
        far.close();
        EXPECT_EQ(failure_of([&, &stream = near] { read_text(stream, 1); }), std::errc::connection_reset);
        EXPECT_EQ(failure_of([&, &stream = near] { stream.send_file(content.number(), 0, 1000); }),
            std::errc::broken_pipe);
        sigset_t pending;
        ::sigpending(&pending);
        EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0);
    });
}

TEST_P(SendFile, DeadlineTellsHowMuchWasSent) {
    run([] {
        auto [near, far] = connection();
        const std::size_t size = 64'000'000;
        const file content(std::vector<std::byte>{size, std::byte{1}});
        near.set_write_deadline(50ms);
        std::error_code ec;
        const std::uint64_t sent = near.send_file(content.number(), 0, size, ec);
        EXPECT_EQ(ec, errc::deadline_exceeded);
        EXPECT_GT(sent, 0U);
        near.close();
        EXPECT_EQ(test::drain(far), sent);
    });
}

TEST_P(SendFile, DescriptorThatIsNoFile) {
    run([] {
        auto [near, far] = connection();
        auto [other, peer] = connection();
        const std::error_code failure =
            failure_of([&, &to = near, &from = other] { to.send_file(from.native_handle(), 0, 10); });
        EXPECT_TRUE(failure == std::errc::invalid_argument || failure == std::errc::invalid_seek)
            << failure.message();
        EXPECT_EQ(failure_of([&, &to = near] { to.send_file(-1, 0, 10); }), std::errc::bad_file_descriptor);
    });
}

} // namespace
} // namespace weft::net
