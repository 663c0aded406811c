// SPDX-License-Identifier: BSL-1.0
#include "net/net_test.hpp"

#include <weft/net/pipe.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

// What is special to the pipe; what it has in common with other streams: nettest_test.cpp.
namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::failure_of;
using test::pipe_readable;
using test::pipe_writable;
using test::read_exact_text;
using test::read_text;
using test::turn_to_read_pipe;
using test::turn_to_write_pipe;
using test::whereabouts;

using Pipe = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, Pipe, test::all_worker_counts(), test::workers_name);

// A call that failed: with what, and how many bytes it had moved.
struct failure {
    std::error_code why;
    std::size_t transferred = 0;
};
template <class F>
failure failure_in(F&& f) {
    try {
        f();
    } catch (const io_error& error) {
        return {error.code(), error.transferred()};
    } catch (const cancelled& early) {
        return {make_error_code(std::errc::interrupted), early.transferred()};
    }
    return {};
}

TEST_P(Pipe, AWriteWaitsUntilAllOfItWasRead) {
    run([] {
        auto [near, far] = pipe();
        whereabouts where;
        std::atomic<bool> returned{false};
        auto writer = go([&, &stream = near] {
            where.here();
            EXPECT_EQ(stream.write_all(bytes("hello world")), 11U);
            returned = true;
        });
        where.await_parked(pipe_writable);
        EXPECT_EQ(read_text(far, 5), "hello");
        EXPECT_EQ(read_text(far, 1), " ");
        where.await_parked(pipe_writable);
        EXPECT_FALSE(returned);
        EXPECT_EQ(read_text(far, 100), "world");
        writer.join();
    });
}

TEST_P(Pipe, AWriteOfSomeIsDoneWhenSomeOfItWasRead) {
    run([] {
        auto [near, far] = pipe();
        auto writer = go([&, &stream = near] { return stream.write_some(bytes("hello")); });
        EXPECT_EQ(read_text(far, 2), "he");
        EXPECT_EQ(writer.join(), 2U);
        auto reader = go([&, &stream = far] { return read_text(stream, 3); });
        EXPECT_EQ(near.write_some(bytes("hello")), 3U);
        EXPECT_EQ(reader.join(), "hel");
        far.set_read_deadline(0s);
        EXPECT_EQ(failure_of([&, &stream = far] { read_text(stream, 1); }), errc::deadline_exceeded)
            << "nothing is kept";
    });
}

// Nothing lies between the two buffers: what counts is what the writer's has when it is read.
TEST_P(Pipe, AReadTakesFromTheBufferOfTheParkedWriter) {
    run([] {
        auto [near, far] = pipe();
        std::string text = "before";
        whereabouts where;
        auto writer = go([&, from = bytes(text), &stream = near] {
            where.here();
            stream.write_all(from);
        });
        where.await_parked(pipe_writable);
        text.replace(0, 6, "after!");
        EXPECT_EQ(read_text(far, 100), "after!");
        writer.join();
    });
}

TEST_P(Pipe, AParkedReadIsFilledBySeveralWrites) {
    run([] {
        auto [near, far] = pipe();
        whereabouts where;
        auto reader = go([&, &stream = far] {
            where.here();
            return read_exact_text(stream, 9);
        });
        where.await_parked(pipe_readable);
        EXPECT_EQ(near.write_all(bytes("one")), 3U);
        EXPECT_EQ(near.write_some(bytes("two")), 3U);
        where.await_parked(pipe_readable);
        EXPECT_EQ(failure_of([&, &stream = near] {
            stream.set_write_deadline(1ms);
            stream.write_all(bytes("three"));
        }),
            errc::deadline_exceeded);
        EXPECT_EQ(reader.join(), "onetwothr");
    });
}

TEST_P(Pipe, GatheredPiecesAreOneWrite) {
    run([] {
        auto [near, far] = pipe();
        std::vector<std::string> pieces;
        std::string whole;
        for (std::size_t i = 0; i < 300; ++i) {
            pieces.emplace_back(i % 7 == 0 ? 0 : i, static_cast<char>('a' + i % 26));
            whole += pieces.back();
        }
        std::vector<std::span<const std::byte>> gather;
        for (const std::string& each : pieces) gather.push_back(bytes(each));
        auto writer = go([&, &stream = near] { EXPECT_EQ(stream.write_all(gather), whole.size()); });
        std::string got;
        for (std::size_t size = 1; got.size() < whole.size(); size = size % 500 + 17)
            got += read_text(far, size);
        EXPECT_EQ(got, whole);
        writer.join();
    });
}

TEST_P(Pipe, CallsOfNoBytesDoNotWait) {
    run([] {
        auto [near, far] = pipe();
        std::error_code ec = errc::eof;
        EXPECT_EQ(near.read_some({}, ec), 0U);
        EXPECT_FALSE(ec);
        EXPECT_EQ(near.read_exactly({}), 0U);
        EXPECT_EQ(near.write_some({}), 0U);
        EXPECT_EQ(near.write_all(std::span<const std::byte>()), 0U);
        EXPECT_EQ(near.write_all(std::vector<std::span<const std::byte>>(5)), 0U);
        whereabouts where;
        auto reader = go([&, &stream = near] {
            where.here();
            return read_text(stream, 1);
        });
        where.await_parked(pipe_readable);
        EXPECT_EQ(near.read_some({}), 0U) << "although it is not its turn";
        far.close();
        EXPECT_EQ(reader.join(), "");
        EXPECT_EQ(near.write_some({}), 0U);
        EXPECT_EQ(failure_of([&, &stream = far] { stream.write_some({}); }), std::errc::bad_file_descriptor);
    });
}

// --- ends

TEST_P(Pipe, ShutdownOfSendingEndsPendingWritesAndTheReadsOfThePeer) {
    run([] {
        auto [near, far] = pipe();
        whereabouts first;
        whereabouts second;
        auto writer = go([&, &stream = near] {
            first.here();
            return failure_in([&] { stream.write_all(bytes("half a word")); });
        });
        first.await_parked(pipe_writable);
        auto queued = go([&, &stream = near] {
            second.here();
            return failure_in([&] { stream.write_all(bytes("never")); });
        });
        second.await_parked(turn_to_write_pipe);
        EXPECT_EQ(read_text(far, 4), "half");
        near.shutdown(direction::send);
        EXPECT_EQ(read_text(far, 2), "") << "although the writer may not have left yet";
        const failure torn = writer.join();
        EXPECT_EQ(torn.why, std::errc::broken_pipe);
        EXPECT_EQ(torn.transferred, 4U);
        EXPECT_EQ(queued.join().why, std::errc::broken_pipe);
        EXPECT_EQ(read_text(far, 10), "");
        EXPECT_EQ(read_text(far, 10), "");
        near.shutdown(direction::send);
    });
}

TEST_P(Pipe, ShutdownOfReceivingEndsPendingReadsAndTheWritesOfThePeer) {
    run([] {
        auto [near, far] = pipe();
        whereabouts at_reading;
        auto reader = go([&, &stream = near] {
            at_reading.here();
            std::array<std::byte, 8> buffer;
            return failure_in([&] { stream.read_exactly(buffer); });
        });
        at_reading.await_parked(pipe_readable);
        far.write_all(bytes("abc"));
        near.shutdown(direction::receive);
        const failure torn = reader.join();
        EXPECT_EQ(torn.why, errc::unexpected_eof);
        EXPECT_EQ(torn.transferred, 3U);
        EXPECT_EQ(read_text(near, 1), "");
        EXPECT_EQ(failure_of([&, &stream = far] { stream.write_all(bytes("x")); }), std::errc::broken_pipe);

        auto [left, right] = pipe();
        whereabouts at_writing;
        auto writer = go([&, &stream = right] {
            at_writing.here();
            return failure_in([&] { stream.write_all(bytes("abcdef")); });
        });
        at_writing.await_parked(pipe_writable);
        EXPECT_EQ(read_text(left, 2), "ab");
        left.shutdown(direction::both);
        const failure refused = writer.join();
        EXPECT_EQ(refused.why, std::errc::broken_pipe);
        EXPECT_EQ(refused.transferred, 2U);
        EXPECT_EQ(read_text(right, 1), "");
    });
}

TEST_P(Pipe, CloseWakesEverybodyAtBothEnds) {
    run([] {
        auto [near, far] = pipe();
        std::array<whereabouts, 6> where;
        const auto parked = [&](std::size_t at, std::string_view reason, auto call) {
            auto calling = go([&, at, call] {
                where[at].here();
                return failure_of(call);
            });
            where[at].await_parked(reason);
            return calling;
        };
        const auto read = [](pipe_stream& from) { return [&] { EXPECT_EQ(read_text(from, 8), ""); }; };
        const auto write = [](pipe_stream& to) { return [&] { to.write_all(bytes("x")); }; };

        auto reads = parked(0, pipe_readable, read(near));
        auto queued = parked(1, turn_to_read_pipe, read(near));
        auto writes = parked(2, pipe_writable, write(near));
        auto queued_too = parked(3, turn_to_write_pipe, write(near));
        near.close();
        for (fiber<std::error_code>* each : {&reads, &queued, &writes, &queued_too})
            EXPECT_EQ(each->join(), std::errc::operation_canceled);

        auto [left, right] = pipe();
        auto peer_reads = parked(4, pipe_readable, read(right));
        auto peer_writes = parked(5, pipe_writable, write(right));
        { const pipe_stream closed_by_its_end = std::move(left); }
        EXPECT_EQ(peer_reads.join(), std::error_code()) << "it gave 0";
        EXPECT_EQ(peer_writes.join(), std::errc::broken_pipe);
        EXPECT_EQ(failure_of([&, &stream = right] { stream.write_all(bytes("x")); }), std::errc::broken_pipe);
        EXPECT_EQ(read_text(right, 1), "");
        EXPECT_TRUE(right.is_open());
    });
}

TEST_P(Pipe, MovedFromIsNotOpen) {
    run([] {
        auto [near, far] = pipe();
        pipe_stream moved = std::move(near);
        EXPECT_FALSE(near.is_open()); // NOLINT(bugprone-use-after-move)
        EXPECT_EQ(failure_of([&, &stream = near] { read_text(stream, 1); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(
            failure_of([&, &stream = near] { stream.set_deadline(1s); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&, &stream = near] { stream.shutdown(direction::both); }),
            std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&, &stream = near] { stream.close(); }), std::errc::bad_file_descriptor);
        auto writer = go([&] { moved.write_all(bytes("x")); });
        EXPECT_EQ(read_text(far, 1), "x");
        writer.join();
        far = std::move(moved); // closes its old end; then it is the other one
        EXPECT_TRUE(far.is_open());
        EXPECT_EQ(read_text(far, 1), "");
        EXPECT_FALSE(pipe_stream().is_open());
    });
}

// The handles go while calls are parked: the last call frees the pipe.
TEST_P(Pipe, CallsMayOutliveTheHandles) {
    run([] {
        auto [first, second] = pipe();
        auto near = std::make_unique<pipe_stream>(std::move(first));
        auto far = std::make_unique<pipe_stream>(std::move(second));
        std::array<whereabouts, 2> where;
        const auto reads = [&](std::size_t at, std::string_view reason) {
            auto reader = go([&, at, &stream = *near] {
                where[at].here();
                return failure_of([&] { read_text(stream, 1); });
            });
            where[at].await_parked(reason);
            return reader;
        };
        auto parked = reads(0, pipe_readable);
        auto queued = reads(1, turn_to_read_pipe);
        near = nullptr;
        far = nullptr;
        EXPECT_EQ(parked.join(), std::errc::operation_canceled);
        EXPECT_EQ(queued.join(), std::errc::operation_canceled);
    });
}

// --- several callers

TEST_P(Pipe, ReadersAndWritersAreServedInOrder) {
    run([] {
        auto [near, far] = pipe();
        std::array<whereabouts, 5> where;
        std::vector<fiber<std::string>> readers;
        for (std::size_t i = 0; i < where.size(); ++i) {
            readers.push_back(go([&, i, &stream = far] {
                where[i].here();
                return read_exact_text(stream, 2);
            }));
            where[i].await_parked(i == 0 ? pipe_readable : turn_to_read_pipe);
        }
        near.write_all(bytes("0a1b2c3d4e"));
        std::string all;
        for (auto& each : readers) all += each.join();
        EXPECT_EQ(all, "0a1b2c3d4e");

        std::array<whereabouts, 5> there;
        std::vector<fiber<void>> writers;
        for (std::size_t i = 0; i < there.size(); ++i) {
            writers.push_back(go([&, i, &stream = near] {
                there[i].here();
                stream.write_all(bytes(std::to_string(i) + "!"));
            }));
            there[i].await_parked(i == 0 ? pipe_writable : turn_to_write_pipe);
        }
        EXPECT_EQ(read_exact_text(far, 10), "0!1!2!3!4!");
        for (auto& each : writers) each.join();
    });
}

// --- deadlines

TEST_P(Pipe, PassedDeadlineFailsAlthoughAWriterWaits) {
    run([] {
        auto [near, far] = pipe();
        whereabouts where;
        auto writer = go([&, &stream = near] {
            where.here();
            stream.write_all(bytes("waiting"));
        });
        where.await_parked(pipe_writable);
        far.set_deadline(0s);
        for (int i = 0; i < 3; ++i)
            EXPECT_EQ(failure_of([&, &stream = far] { read_text(stream, 1); }), errc::deadline_exceeded);
        far.set_read_deadline(1h);
        EXPECT_EQ(read_text(far, 4), "wait");
        EXPECT_EQ(failure_of([&, &stream = far] { stream.write_all(bytes("x")); }), errc::deadline_exceeded);
        far.clear_deadline();
        EXPECT_EQ(read_text(far, 4), "ing");
        writer.join();
    });
}

TEST_P(Pipe, ChangedDeadlineReachesParkedAndQueuedCalls) {
    run([] {
        auto [near, far] = pipe();
        whereabouts first;
        whereabouts second;
        far.set_deadline(1h);
        auto reader = go([&, &stream = far] {
            first.here();
            std::array<std::byte, 8> buffer;
            return failure_in([&] { stream.read_exactly(buffer); });
        });
        first.await_parked(pipe_readable);
        auto queued = go([&, &stream = far] {
            second.here();
            return failure_of([&] { read_text(stream, 1); });
        });
        for (int i = 0; i < 20; ++i) {
            second.await_parked(turn_to_read_pipe);
            far.set_deadline(2h);
            first.await_parked(pipe_readable);
        }
        near.write_all(bytes("abc"));
        far.set_write_deadline(0s);
        first.await_parked(pipe_readable);
        far.set_read_deadline(1ms);
        const failure torn = reader.join();
        EXPECT_EQ(torn.why, errc::deadline_exceeded);
        EXPECT_EQ(torn.transferred, 3U);
        EXPECT_EQ(queued.join(), errc::deadline_exceeded);
    });
}

TEST_P(Pipe, AWriteThatTimedOutSaysHowMuchWasRead) {
    run([] {
        auto [near, far] = pipe();
        auto writer = go([&, &stream = near] {
            stream.set_write_deadline(24h);
            return failure_in([&] { stream.write_all(bytes("one two three")); });
        });
        EXPECT_EQ(read_exact_text(far, 4), "one ");
        near.set_write_deadline(0s);
        const failure torn = writer.join();
        EXPECT_EQ(torn.why, errc::deadline_exceeded);
        EXPECT_EQ(torn.transferred, 4U);
        near.clear_deadline();
        auto rest = go([&, &stream = near] { stream.write_all(bytes("two three")); });
        EXPECT_EQ(read_exact_text(far, 9), "two three");
        rest.join();
    });
}

// --- cancellation

TEST_P(Pipe, ACancelledCallSaysHowMuchItMoved) {
    run([] {
        auto [near, far] = pipe();
        whereabouts at_writing;
        auto writer = go([&, &stream = near] {
            at_writing.here();
            return failure_in([&] { stream.write_all(bytes("abcdef")); });
        });
        at_writing.await_parked(pipe_writable);
        EXPECT_EQ(read_text(far, 2), "ab");
        at_writing.await_parked(pipe_writable);
        writer.cancel();
        EXPECT_EQ(writer.join().transferred, 2U);

        std::array<std::byte, 8> buffer{};
        whereabouts at_reading;
        auto reader = go([&, &stream = far] {
            at_reading.here();
            return failure_in([&] { with_timeout(1h, [&] { stream.read_exactly(buffer); }); });
        });
        at_reading.await_parked(pipe_readable);
        near.write_all(bytes("xyz"));
        reader.cancel();
        const failure torn = reader.join();
        EXPECT_EQ(torn.why, std::errc::interrupted);
        EXPECT_EQ(torn.transferred, 3U);
        EXPECT_EQ(buffer[2], std::byte{'z'});
        EXPECT_THROW(with_timeout(1ms, [&, &stream = far] { read_text(stream, 1); }), timed_out);
        std::error_code ec;
        EXPECT_THROW(with_timeout(1ms, [&, &stream = near] { stream.write_all(bytes("x"), ec); }), timed_out);
    });
}

TEST_P(Pipe, ACancelledCallGivesItsTurnAway) {
    run([] {
        auto [near, far] = pipe();
        std::array<whereabouts, 3> where;
        std::vector<fiber<std::string>> readers;
        for (std::size_t i = 0; i < where.size(); ++i) {
            readers.push_back(go([&, i, &stream = far] {
                where[i].here();
                return read_text(stream, 8);
            }));
            where[i].await_parked(i == 0 ? pipe_readable : turn_to_read_pipe);
        }
        readers[1].cancel();
        EXPECT_THROW(readers[1].join(), cancelled);
        readers[0].cancel();
        EXPECT_THROW(readers[0].join(), cancelled);
        near.write_all(bytes("for 2"));
        EXPECT_EQ(readers[2].join(), "for 2");
    });
}

} // namespace
} // namespace weft::net
