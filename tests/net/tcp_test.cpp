// SPDX-License-Identifier: BSL-1.0
#include "net/net_test.hpp"

#include <weft/net/tcp.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <deque>
#include <numeric>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::connection;
using test::failure_of;
using test::read_exact_text;
using test::read_text;
using test::whereabouts;

using tcp = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, tcp, test::all_worker_counts(), test::workers_name);

void echo(tcp_stream peer) {
    std::array<std::byte, 4096> buffer;
    while (const std::size_t size = peer.read_some(buffer)) peer.write_all(std::span(buffer).first(size));
}

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

int option(const byte_stream& of, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(of.native_handle(), level, name, &value, &size);
    return value;
}

void reset_at_close(const byte_stream& stream) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(stream.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

// Writes until there is no room left.
std::size_t fill(tcp_stream& stream) {
    const std::vector<std::byte> block(1 << 20);
    std::size_t sum = 0;
    std::error_code ec;
    stream.set_write_deadline(50ms);
    while (!ec) sum += stream.write_all(block, ec);
    EXPECT_EQ(ec, errc::deadline_exceeded);
    stream.set_write_deadline(clock::time_point::max());
    return sum;
}

std::size_t drain(tcp_stream& stream) {
    std::vector<std::byte> block(1 << 20);
    std::size_t sum = 0;
    while (const std::size_t size = stream.read_some(block)) sum += size;
    return sum;
}

// --- echo

TEST_P(tcp, EchoOverManyConnections) {
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

TEST_P(tcp, MoreConnectionsAtOnceThanThePollerReportsInOneCall) {
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

TEST_P(tcp, LargeTransfersArriveWhole) {
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

TEST_P(tcp, GatherWritesEveryPieceInOrder) {
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

// --- the end of the stream

TEST_P(tcp, HalfCloseLeavesTheOtherDirection) {
    run([] {
        auto [near, far] = connection();
        near.write_all(bytes("last"));
        near.shutdown(direction::send);
        EXPECT_EQ(read_exact_text(far, 4), "last");
        EXPECT_EQ(read_text(far, 10), "");
        EXPECT_EQ(read_text(far, 10), "") << "for ever";
        EXPECT_EQ(failure_of([&, &stream = near] { stream.write_all(bytes("x")); }), std::errc::broken_pipe);
        far.write_all(bytes("answer"));
        EXPECT_EQ(read_exact_text(near, 6), "answer");
    });
}

TEST_P(tcp, ShutdownOfReceivingEndsAPendingRead) {
    run([] {
        auto [near, far] = connection();
        whereabouts where;
        auto reader = go([&, &stream = near] {
            where.here();
            return read_text(stream, 10);
        });
        where.await_parked(test::readable);
        near.shutdown(direction::receive);
        EXPECT_EQ(reader.join(), "");
        near.shutdown(direction::both);
        EXPECT_EQ(read_text(far, 10), "");
    });
}

TEST_P(tcp, ReadExactlyTellsAnEndFromATornMessage) {
    run([] {
        auto [near, far] = connection();
        near.write_all(bytes("abcdef"));
        near.close();
        EXPECT_EQ(read_exact_text(far, 3), "abc");
        std::array<std::byte, 8> buffer{};
        try {
            far.read_exactly(buffer);
            ADD_FAILURE() << "there were only three";
        } catch (const io_error& error) {
            EXPECT_EQ(error.code(), errc::unexpected_eof);
            EXPECT_EQ(error.transferred(), 3U);
            EXPECT_EQ(std::memcmp(buffer.data(), "def", 3), 0);
        }
        std::error_code ec;
        EXPECT_EQ(far.read_exactly(buffer, ec), 0U);
        EXPECT_EQ(ec, errc::eof);
    });
}

TEST_P(tcp, EmptySpansDoNotWait) {
    run([] {
        auto [near, far] = connection();
        std::error_code ec = errc::eof;
        EXPECT_EQ(far.read_some({}, ec), 0U);
        EXPECT_FALSE(ec);
        EXPECT_EQ(far.read_exactly({}), 0U);
        EXPECT_EQ(far.write_some({}), 0U);
        EXPECT_EQ(far.write_all(std::span<const std::byte>()), 0U);
        far.close();
        EXPECT_EQ(failure_of([&, &stream = far] { stream.read_some({}); }), std::errc::bad_file_descriptor);
    });
}

// Data and the end come close together, in all orders relative to the reader: neither may be missed.
TEST_P(tcp, EndRightBehindDataIsNotMissed) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        auto clients = go([address] {
            for (int i = 0; i < 2000; ++i) {
                auto stream = tcp_stream::connect(address);
                stream.write_all(bytes("first"));
                if (i % 2 == 0) yield();
                stream.write_all(bytes("second"));
                if (i % 3 == 0) yield();
            }
        });
        for (int i = 0; i < 2000; ++i) {
            auto stream = listener.accept();
            std::array<std::byte, 1000> buffer;
            std::size_t sum = 0;
            while (const std::size_t size = stream.read_some(buffer)) sum += size;
            EXPECT_EQ(sum, 11U);
        }
        clients.join();
    });
}

// A receive call stops at the mark of urgent data, although there is more behind it.
TEST_P(tcp, UrgentDataDoesNotHideWhatFollows) {
    run([] {
        for (int i = 0; i < 200; ++i) {
            auto [near, far] = connection();
            near.write_all(bytes("before"));
            ASSERT_EQ(::send(near.native_handle(), "!", 1, MSG_OOB | MSG_NOSIGNAL), 1);
            near.write_all(bytes("after"));
            std::string all;
            while (all.size() < 11) all += read_text(far, 100);
            EXPECT_EQ(all, "beforeafter");
        }
    });
}

// --- close

TEST_P(tcp, CloseWakesAReader) {
    run([] {
        auto [near, far] = connection();
        whereabouts where;
        auto reader = go([&, &stream = near] {
            where.here();
            return failure_of([&] { read_text(stream, 1); });
        });
        where.await_parked(test::readable);
        near.close();
        EXPECT_EQ(reader.join(), std::errc::operation_canceled);
        EXPECT_EQ(failure_of([&, &stream = near] { read_text(stream, 1); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(read_text(far, 1), "");
    });
}

TEST_P(tcp, CloseWakesAWriter) {
    run([] {
        auto [near, far] = connection();
        fill(near);
        whereabouts where;
        auto writer = go([&, &stream = near] {
            where.here();
            std::vector<std::byte> block(1 << 20);
            return failure_of([&] { stream.write_all(block); });
        });
        where.await_parked(test::writable);
        near.close();
        EXPECT_EQ(writer.join(), std::errc::operation_canceled);
        EXPECT_EQ(failure_of([&, &stream = near] { stream.write_all(bytes("x")); }),
            std::errc::bad_file_descriptor);
    });
}

TEST_P(tcp, CloseWakesAccept) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        whereabouts first;
        whereabouts second;
        const auto accept_at = [&](whereabouts& where) {
            where.here();
            return failure_of([&] { static_cast<void>(listener.accept()); });
        };
        auto parked = go([&] { return accept_at(first); });
        first.await_parked(test::readable);
        auto queued = go([&] { return accept_at(second); });
        second.await_parked(test::turn_to_read);
        listener.close();
        EXPECT_EQ(parked.join(), std::errc::operation_canceled);
        EXPECT_EQ(queued.join(), std::errc::operation_canceled);
        std::error_code ec;
        EXPECT_FALSE(listener.accept(ec).is_open());
        EXPECT_EQ(ec, std::errc::bad_file_descriptor);
    });
}

TEST_P(tcp, SecondCloseFailsAndClosesNothing) {
    run([] {
        auto [near, far] = connection();
        near.close();
        EXPECT_FALSE(near.is_open());
        EXPECT_EQ(near.native_handle(), -1);
        auto [other_near, other_far] = connection(); // takes the number over
        EXPECT_EQ(failure_of([&, &stream = near] { stream.close(); }), std::errc::bad_file_descriptor);
        std::error_code ec;
        near.close(ec);
        EXPECT_EQ(ec, std::errc::bad_file_descriptor);
        other_near.write_all(bytes("alive"));
        EXPECT_EQ(read_exact_text(other_far, 5), "alive");
    });
}

TEST_P(tcp, MovedFromIsNotOpen) {
    run([] {
        auto [near, far] = connection();
        tcp_stream moved = std::move(near);
        EXPECT_FALSE(near.is_open()); // NOLINT(bugprone-use-after-move)
        EXPECT_EQ(failure_of([&, &stream = near] { stream.write_all(bytes("x")); }),
            std::errc::bad_file_descriptor);
        EXPECT_EQ(
            failure_of([&, &stream = near] { stream.set_deadline(1s); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&, &stream = near] { stream.shutdown(direction::both); }),
            std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&, &stream = near] { stream.close(); }), std::errc::bad_file_descriptor);
        EXPECT_EQ(failure_of([&, &stream = near] { static_cast<void>(stream.local_endpoint()); }),
            std::errc::bad_file_descriptor);
        moved.write_all(bytes("x"));
        far = std::move(moved);
        EXPECT_TRUE(far.is_open());
        EXPECT_FALSE(tcp_listener().is_open());
    });
}

// --- deadlines

TEST_P(tcp, PassedDeadlineFailsEvenWithBytesWaiting) {
    run([] {
        auto [near, far] = connection();
        near.write_all(bytes("waiting"));
        EXPECT_EQ(read_exact_text(far, 1), "w");
        far.set_deadline(0s);
        for (int i = 0; i < 3; ++i) {
            EXPECT_EQ(failure_of([&, &stream = far] { read_text(stream, 1); }), errc::deadline_exceeded);
            EXPECT_EQ(
                failure_of([&, &stream = far] { stream.write_all(bytes("x")); }), errc::deadline_exceeded);
        }
        EXPECT_EQ(make_error_code(errc::deadline_exceeded), std::errc::timed_out);
        EXPECT_NE(make_error_code(errc::deadline_exceeded), make_error_code(std::errc::timed_out));
        far.set_read_deadline(1h);
        EXPECT_EQ(read_exact_text(far, 1), "a");
        EXPECT_EQ(failure_of([&, &stream = far] { stream.write_all(bytes("x")); }), errc::deadline_exceeded);
        far.set_write_deadline(1h);
        far.set_read_deadline(-1s);
        far.write_all(bytes("x"));
        EXPECT_EQ(failure_of([&, &stream = far] { read_text(stream, 1); }), errc::deadline_exceeded);
        far.clear_deadline();
        EXPECT_EQ(read_exact_text(far, 5), "iting");
    });
}

TEST_P(tcp, DeadlineEndsAPendingRead) {
    run([] {
        auto [near, far] = connection();
        far.set_deadline(clock::now() + 2ms);
        EXPECT_EQ(failure_of([&, &stream = far] { read_text(stream, 1); }), errc::deadline_exceeded);
        far.set_read_deadline(std::chrono::duration<double>(1e300));
        near.write_all(bytes("x"));
        EXPECT_EQ(read_exact_text(far, 1), "x");
    });
}

TEST_P(tcp, ChangedDeadlineReachesAPendingRead) {
    run([] {
        auto [near, far] = connection();
        whereabouts where;
        auto reader = go([&, &stream = far] {
            where.here();
            return failure_of([&] { read_text(stream, 1); });
        });
        where.await_parked(test::readable);
        far.set_deadline(1h);
        where.await_parked(test::readable);
        far.set_write_deadline(0s);
        far.clear_deadline();
        where.await_parked(test::readable);
        far.set_read_deadline(0s);
        EXPECT_EQ(reader.join(), errc::deadline_exceeded);
    });
}

TEST_P(tcp, PostponedDeadlineLeavesAPendingRead) {
    run([] {
        auto [near, far] = connection();
        whereabouts where;
        far.set_deadline(1h);
        auto reader = go([&, &stream = far] {
            where.here();
            return read_exact_text(stream, 1);
        });
        for (int i = 0; i < 20; ++i) {
            where.await_parked(test::readable);
            far.set_deadline(2h);
        }
        near.write_all(bytes("x"));
        EXPECT_EQ(reader.join(), "x");
    });
}

TEST_P(tcp, DeadlineCountsWhileQueueing) {
    run([] {
        auto [near, far] = connection();
        whereabouts first;
        whereabouts second;
        auto holder = go([&, &stream = far] {
            first.here();
            return failure_of([&] { read_text(stream, 1); });
        });
        first.await_parked(test::readable);
        auto queued = go([&, &stream = far] {
            second.here();
            return failure_of([&] { read_text(stream, 1); });
        });
        second.await_parked(test::turn_to_read);
        far.set_read_deadline(1ms);
        EXPECT_EQ(queued.join(), errc::deadline_exceeded);
        EXPECT_EQ(holder.join(), errc::deadline_exceeded);
    });
}

TEST_P(tcp, StalledPeerEndsAWriteWithWhatItHadWritten) {
    run([] {
        auto [near, far] = connection();
        const std::vector<std::byte> much(16 << 20);
        near.set_write_deadline(20ms);
        std::size_t written = 0;
        try {
            near.write_all(much);
            ADD_FAILURE() << "nobody read";
        } catch (const io_error& error) {
            EXPECT_EQ(error.code(), errc::deadline_exceeded);
            written = error.transferred();
        }
        EXPECT_GT(written, 0U);
        near.shutdown(direction::send);
        EXPECT_EQ(drain(far), written);
    });
}

TEST_P(tcp, ListenerHasADeadline) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const auto client = tcp_stream::connect(listener.local_endpoint());
        listener.set_deadline(0s);
        EXPECT_EQ(failure_of([&] { static_cast<void>(listener.accept()); }), errc::deadline_exceeded);
        listener.clear_deadline();
        EXPECT_TRUE(listener.accept().is_open());
        listener.set_deadline(1ms);
        EXPECT_EQ(failure_of([&] { static_cast<void>(listener.accept()); }), errc::deadline_exceeded);
    });
}

// --- peers that break

TEST_P(tcp, ResetHurtsOnlyItsOwnFiber) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        constexpr int connections = 20;
        std::vector<tcp_stream> clients;
        std::vector<fiber<std::error_code>> handlers;
        for (int i = 0; i < connections; ++i) {
            clients.push_back(tcp_stream::connect(address));
            handlers.push_back(go(
                [peer = listener.accept()]() mutable { return failure_of([&] { echo(std::move(peer)); }); }));
        }
        for (std::size_t i = 0; i < connections; i += 2) {
            clients[i].write_all(bytes("x"));
            EXPECT_EQ(read_exact_text(clients[i], 1), "x");
            reset_at_close(clients[i]);
            clients[i].close();
            EXPECT_EQ(handlers[i].join(), std::errc::connection_reset);
        }
        for (std::size_t i = 1; i < connections; i += 2) {
            clients[i].write_all(bytes("still here"));
            EXPECT_EQ(read_exact_text(clients[i], 10), "still here");
            clients[i].close();
            EXPECT_EQ(handlers[i].join(), std::error_code());
        }
    });
}

TEST_P(tcp, ResetWakesAWriter) {
    run([] {
        auto [near, far] = connection();
        fill(near);
        whereabouts where;
        auto writer = go([&, &stream = near] {
            where.here();
            const std::vector<std::byte> block(1 << 20);
            return failure_of([&] { stream.write_all(block); });
        });
        where.await_parked(test::writable);
        reset_at_close(far);
        far.close();
        EXPECT_EQ(writer.join(), std::errc::connection_reset);
    });
}

// SIGPIPE has its default action here, which would end the program.
TEST_P(tcp, WriteToAPeerThatIsGoneIsAnError) {
    run([] {
        auto [near, far] = connection();
        reset_at_close(far);
        far.close();
        EXPECT_EQ(failure_of([&, &stream = near] { read_text(stream, 1); }), std::errc::connection_reset);
        EXPECT_EQ(failure_of([&, &stream = near] { stream.write_all(bytes("x")); }), std::errc::broken_pipe);
        const std::array<std::span<const std::byte>, 2> gather{bytes("x"), bytes("y")};
        EXPECT_EQ(failure_of([&, &stream = near] { stream.write_all(gather); }), std::errc::broken_pipe);
    });
}

// --- several users of one stream

TEST_P(tcp, WritesAreNotInterleaved) {
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

TEST_P(tcp, SeveralReadersGetEachByteOnce) {
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

TEST_P(tcp, SeveralAcceptersGetEachConnectionOnce) {
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

TEST_P(tcp, CancelledReaderTookNothing) {
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
TEST_P(tcp, AlwaysReadySocketDoesNotStarveOthers) {
    run([] {
        auto [near, far] = connection();
        std::atomic<bool> stop{false};
        auto talker = go([&, &stream = near] {
            std::array<std::byte, 1> byte{};
            while (!stop) stream.write_all(byte);
            stream.shutdown(direction::send);
        });
        auto listener = go([&stream = far] { return drain(stream); });
        for (int i = 0; i < 100; ++i) yield();
        stop = true;
        talker.join();
        EXPECT_GT(listener.join(), 0U);
    });
}

// --- connect and listen

TEST_P(tcp, EndpointsAreThoseOfThePeer) {
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

TEST_P(tcp, RemoteEndpointIsKnownAfterAReset) {
    run([] {
        auto [near, far] = connection();
        const endpoint peer = near.remote_endpoint();
        reset_at_close(far);
        far.close();
        EXPECT_EQ(failure_of([&, &stream = near] { read_text(stream, 1); }), std::errc::connection_reset);
        EXPECT_EQ(near.remote_endpoint(), peer);
    });
}

TEST_P(tcp, StreamsHaveTheirOptions) {
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

TEST_P(tcp, PortInUseNamesTheEndpoint) {
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

TEST_P(tcp, PortMayBeShared) {
    run([] {
        auto first = tcp_listener::listen("127.0.0.1:0", {.backlog = 10, .reuse_port = true});
        auto second = tcp_listener::listen(first.local_endpoint(), {.reuse_port = true});
        EXPECT_EQ(first.local_endpoint(), second.local_endpoint());
    });
}

TEST_P(tcp, PortIsFreeAgainAfterClose) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        auto client = tcp_stream::connect(address);
        listener.accept().close(); // leaves a connection in TIME_WAIT
        listener.close();
        EXPECT_TRUE(tcp_listener::listen(address).is_open());
    });
}

TEST_P(tcp, RefusedConnectionNamesTheDestination) {
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

TEST_P(tcp, ConnectHasATimeout) {
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

TEST_P(tcp, CancelledConnectLeavesNothing) {
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

TEST_P(tcp, MalformedTextIsQuoted) {
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

TEST_P(tcp, UnknownHostIsToldInTheResolversWords) {
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

TEST_P(tcp, ListensOnAllAddresses) {
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

// --- without descriptors

class lowered_limit {
public:
    explicit lowered_limit(rlim_t descriptors) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit lowered{descriptors, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &lowered);
    }
    ~lowered_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    lowered_limit(const lowered_limit&) = delete;
    lowered_limit& operator=(const lowered_limit&) = delete;

private:
    rlimit before_{};
};

TEST_P(tcp, AcceptWithoutDescriptorsLosesNoConnection) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        std::vector<tcp_stream> clients;
        for (int i = 0; i < 3; ++i) clients.push_back(tcp_stream::connect(listener.local_endpoint()));
        auto first = listener.accept();

        std::vector<int> taken;
        {
            const lowered_limit limit(static_cast<rlim_t>(first.native_handle()) + 20);
            for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) taken.push_back(fd);
            for (int i = 0; i < 3; ++i)
                EXPECT_EQ(failure_of([&] { static_cast<void>(listener.accept()); }),
                    std::errc::too_many_files_open);
            EXPECT_EQ(failure_of([&] { static_cast<void>(tcp_stream::connect(listener.local_endpoint())); }),
                std::errc::too_many_files_open);
        }
        for (const int fd : taken) ::close(fd);
        auto second = listener.accept(); // without any new edge
        auto third = listener.accept();
        EXPECT_EQ(second.remote_endpoint(), clients[1].local_endpoint());
        EXPECT_EQ(third.remote_endpoint(), clients[2].local_endpoint());
    });
}

// --- beyond fibers

TEST(TcpOnThreads, PlainThreadsBlock) {
    auto listener = tcp_listener::listen("127.0.0.1:0");
    std::thread server([&] {
        auto peer = listener.accept();
        echo(std::move(peer));
    });
    auto stream = tcp_stream::connect(listener.local_endpoint());
    for (int i = 0; i < 100; ++i) {
        stream.write_all(bytes("ping"));
        EXPECT_EQ(read_exact_text(stream, 4), "ping");
    }
    stream.set_read_deadline(1ms);
    EXPECT_EQ(failure_of([&] { read_text(stream, 1); }), errc::deadline_exceeded);
    stream.close();
    server.join();
}

TEST(TcpOnThreads, CloseFromAThreadWakesAFiber) {
    auto listener = tcp_listener::listen("127.0.0.1:0");
    whereabouts where;
    auto accepting = go([&] {
        where.here();
        return failure_of([&] { static_cast<void>(listener.accept()); });
    });
    where.await_parked(test::readable);
    listener.close();
    EXPECT_EQ(accepting.join(), std::errc::operation_canceled);
}

TEST(TcpOnThreads, StreamMayOutliveItsRuntime) {
    tcp_stream near;
    tcp_stream far;
    run([&] { std::tie(near, far) = connection(); });
    near.write_all(bytes("x"));
    EXPECT_EQ(read_exact_text(far, 1), "x");
    far.set_read_deadline(1ms);
    EXPECT_EQ(failure_of([&] { read_text(far, 1); }), errc::deadline_exceeded);
    near.close();
}

} // namespace
} // namespace weft::net
