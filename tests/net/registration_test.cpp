// SPDX-License-Identifier: BSL-1.0
#include "poller/registration.hpp"

#include "net/net_test.hpp"
#include "poller/turn.hpp"

#include <atomic>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weft::net {
namespace {

constexpr descriptor_traits stream_socket{.socket = true, .short_means_drained = true};

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

// Two ends of a socket pair, the near one registered.
struct registered_pair {
    registered_pair() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        number = ends[0];
        far = ends[1];
        near = &registration::attach(number, stream_socket);
    }
    ~registered_pair() {
        if (near != nullptr) near->disown();
        ::close(far);
    }
    registered_pair(const registered_pair&) = delete;
    registered_pair& operator=(const registered_pair&) = delete;

    registration* near;
    int number;
    int far;
};

// The generation whose events the registration listens to.
std::uint32_t generation_of(registration& of) {
    alignas(8) std::byte nowhere[8];
    ready_list nobody(reinterpret_cast<scheduler&>(nowhere));
    for (std::uint32_t generation = 0; generation <= 0xffff; ++generation) {
        const auto before = of.edges(flow::out);
        of.ready(generation, {.writable = true}, nobody);
        if (of.edges(flow::out) != before) return generation;
    }
    ADD_FAILURE() << "it listens to none";
    return 0;
}

using registration_ = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, registration_, test::all_worker_counts(), test::workers_name);

TEST_P(registration_, StaleEventFindsAnotherGeneration) {
    run([] {
        std::uint32_t old = 0;
        registration* address = nullptr;
        {
            const registered_pair first;
            address = first.near;
            old = generation_of(*address);
        }
        const registered_pair second;
        ASSERT_EQ(second.near, address) << "the pool gives the last one back first";
        const auto edges_in = second.near->edges(flow::in);
        alignas(8) std::byte nowhere[8];
        ready_list nobody(reinterpret_cast<scheduler&>(nowhere));
        second.near->ready(old, {.readable = true, .writable = true, .hung_up = true}, nobody);
        EXPECT_EQ(second.near->edges(flow::in), edges_in);
        EXPECT_NE(generation_of(*second.near), old);
    });
}

TEST_P(registration_, NumberIsKeptUntilTheLastCallHasLeft) {
    run([] {
        const registered_pair pair;
        ASSERT_EQ(pair.near->enter(), outcome::done);
        ASSERT_EQ(pair.near->enter(flow::in), outcome::done);
        EXPECT_EQ(pair.near->close(), outcome::done);
        EXPECT_EQ(pair.near->close(), outcome::closed);
        EXPECT_EQ(pair.near->enter(), outcome::closed);
        EXPECT_EQ(pair.near->enter(flow::out), outcome::closed);
        EXPECT_TRUE(is_open(pair.number));
        pair.near->leave();
        EXPECT_TRUE(is_open(pair.number));
        pair.near->leave(flow::in);
        EXPECT_FALSE(is_open(pair.number));
    });
}

TEST_P(registration_, HandleMayGoBeforeTheCallsInside) {
    run([] {
        registered_pair pair;
        registration* const near = std::exchange(pair.near, nullptr);
        ASSERT_EQ(near->enter(flow::in), outcome::done);
        near->disown();
        EXPECT_TRUE(is_open(pair.number));
        const registered_pair other;
        EXPECT_NE(other.near, near) << "not in the pool while somebody is inside";
        near->leave(flow::in);
        EXPECT_FALSE(is_open(pair.number));
    });
}

TEST_P(registration_, BorrowedNumberIsNotClosed) {
    run([] {
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
        registration::attach(ends[0], {.borrowed = true, .was_blocking = true}).disown();
        ASSERT_TRUE(is_open(ends[0]));
        EXPECT_EQ(::fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
        registration::attach(ends[0], {.borrowed = true}).disown();
        ::close(ends[0]);
        ::close(ends[1]);
    });
}

TEST_P(registration_, RefusedDescriptorStaysWithTheCaller) {
    run([] {
        const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        EXPECT_THROW(registration::attach(file, {}), std::system_error);
        EXPECT_TRUE(is_open(file));
        ::close(file);
        const registered_pair next;
        EXPECT_EQ(next.near->enter(), outcome::done);
        next.near->leave();
    });
}

TEST_P(registration_, ErrorThatThePollerTookIsToldOnce) {
    if (!poller_takes_errors) GTEST_SKIP() << "this build's leaves errors with the socket";
    run([] {
        const registered_pair pair;
        while (pair.near->edges(flow::out) == 0) yield(); // what the poller itself reports
        const std::uint32_t generation = generation_of(*pair.near);
        alignas(8) std::byte nowhere[8];
        ready_list nobody(reinterpret_cast<scheduler&>(nowhere));
        pair.near->ready(
            generation, {.readable = true, .writable = true, .hung_up = true, .error = ECONNRESET}, nobody);
        turn mine(pair.near, flow::in);
        ASSERT_EQ(mine.take(), outcome::done);
        EXPECT_EQ(mine.perform(1, [] { return 0L; }), -ECONNRESET);
        EXPECT_EQ(mine.perform(1, [] { return 0L; }), 0L);
    });
}

TEST_P(registration_, TurnsAreTakenInOrder) {
    run([] {
        const registered_pair pair;
        std::mutex mutex;
        std::string order;
        ASSERT_EQ(pair.near->enter(flow::out), outcome::done);
        std::vector<fiber<void>> queued;
        for (char name = 'a'; name < 'k'; ++name) {
            test::whereabouts where;
            queued.push_back(go([&, name] {
                where.here();
                ASSERT_EQ(pair.near->enter(flow::out), outcome::done);
                {
                    const std::scoped_lock guard(mutex);
                    order += name;
                }
                pair.near->leave(flow::out);
            }));
            where.await_parked(test::turn_to_write);
        }
        EXPECT_EQ(order, "");
        pair.near->leave(flow::out);
        for (auto& each : queued) each.join();
        EXPECT_EQ(order, "abcdefghij");
        EXPECT_EQ(pair.near->enter(flow::out), outcome::done) << "free again";
        pair.near->leave(flow::out);
    });
}

TEST_P(registration_, CloseReachesThoseWhoQueue) {
    run([] {
        const registered_pair pair;
        ASSERT_EQ(pair.near->enter(flow::in), outcome::done);
        std::vector<fiber<long>> queued;
        for (int i = 0; i < 5; ++i) {
            test::whereabouts where;
            queued.push_back(go([&] {
                where.here();
                return pair.near->enter(flow::in);
            }));
            where.await_parked(test::turn_to_read);
        }
        pair.near->close();
        for (auto& each : queued) EXPECT_EQ(each.join(), outcome::closed_meanwhile);
        EXPECT_TRUE(is_open(pair.number));
        pair.near->leave(flow::in);
        EXPECT_FALSE(is_open(pair.number));
    });
}

TEST_P(registration_, CancelledOrLateInTheQueueLeavesItInOrder) {
    run([] {
        const registered_pair pair;
        ASSERT_EQ(pair.near->enter(flow::in), outcome::done);
        test::whereabouts at_cancelled;
        auto to_be_cancelled = go([&] {
            at_cancelled.here();
            static_cast<void>(pair.near->enter(flow::in));
            ADD_FAILURE() << "it was cancelled";
        });
        at_cancelled.await_parked(test::turn_to_read);
        test::whereabouts at_next;
        auto next = go([&] {
            at_next.here();
            return pair.near->enter(flow::in);
        });
        at_next.await_parked(test::turn_to_read);
        to_be_cancelled.cancel();
        EXPECT_THROW(to_be_cancelled.join(), cancelled);

        pair.near->set_deadline(flow::in, clock::time_point::min());
        EXPECT_EQ(next.join(), outcome::of(errc::deadline_exceeded));
        pair.near->set_deadline(flow::in, never);
        pair.near->leave(flow::in);
        EXPECT_EQ(pair.near->enter(flow::in), outcome::done);
        pair.near->leave(flow::in);
    });
}

TEST_P(registration_, ChangedDeadlineKeepsThoseWhoQueue) {
    run([] {
        const registered_pair pair;
        ASSERT_EQ(pair.near->enter(flow::in), outcome::done);
        test::whereabouts where;
        auto queued = go([&] {
            where.here();
            const long result = pair.near->enter(flow::in);
            pair.near->leave(flow::in);
            return result;
        });
        for (int i = 0; i < 100; ++i) {
            where.await_parked(test::turn_to_read);
            pair.near->set_deadline(flow::in, clock::now() + std::chrono::hours(1 + i % 2));
        }
        pair.near->leave(flow::in);
        EXPECT_EQ(queued.join(), outcome::done);
    });
}

// A short read is believed: the next one parks without asking the system. Shown by an edge that is kept from
// the registration.
TEST_P(registration_, ShortReadMeansDrainedUntilTheNextEdge) {
    run([] {
        const registered_pair pair;
        ASSERT_EQ(::send(pair.far, "ab", 2, MSG_NOSIGNAL), 2);
        char buffer[8];
        std::atomic<int> attempts{0};
        const auto receive = [&] {
            turn mine(pair.near, flow::in);
            EXPECT_EQ(mine.take(), outcome::done);
            return mine.perform(sizeof buffer, [&]() -> long {
                ++attempts;
                const ssize_t got = ::recv(pair.number, buffer, sizeof buffer, 0);
                return got < 0 ? -errno : got;
            });
        };
        EXPECT_EQ(receive(), 2);
        test::whereabouts where;
        auto reader = go([&] {
            where.here();
            attempts = 0;
            return receive();
        });
        where.await_parked(test::readable);
        EXPECT_LE(attempts, 1)
            << "one, if the edge of the first two bytes was counted only after they were read";
        ASSERT_EQ(::send(pair.far, "cde", 3, MSG_NOSIGNAL), 3);
        EXPECT_EQ(reader.join(), 3);
    });
}

TEST_P(registration_, ShortReadProvesNothingOnceThePeerHungUp) {
    run([] {
        const registered_pair pair;
        ASSERT_EQ(::send(pair.far, "ab", 2, MSG_NOSIGNAL), 2);
        ASSERT_EQ(::shutdown(pair.far, SHUT_WR), 0);
        while ((pair.near->edges(flow::in) & 1) == 0) yield();
        char buffer[8];
        for (const long expected : {2L, 0L, 0L}) {
            turn mine(pair.near, flow::in);
            ASSERT_EQ(mine.take(), outcome::done);
            EXPECT_EQ(mine.perform(sizeof buffer,
                          [&]() -> long { return ::recv(pair.number, buffer, sizeof buffer, 0); }),
                expected);
        }
    });
}

// Numbers and registrations are used again at once, with somebody parked on each and events on their way.
TEST_P(registration_, ReuseStorm) {
    run([] {
        const auto storm = [] {
            for (int i = 0; i < 1500; ++i) {
                registered_pair pair;
                auto reader = go([&pair] {
                    char byte = 0;
                    turn mine(pair.near, flow::in);
                    if (const long refused = mine.take(); refused != outcome::done) return refused;
                    return mine.perform(1, [&]() -> long {
                        const ssize_t got = ::recv(pair.near->number(), &byte, 1, 0);
                        return got < 0 ? -errno : got;
                    });
                });
                if (i % 3 == 0) yield();
                if (i % 2 == 0) {
                    EXPECT_EQ(::send(pair.far, "x", 1, MSG_NOSIGNAL), 1);
                }
                if (i % 5 == 0) yield();
                pair.near->close();
                const long result = reader.join();
                EXPECT_TRUE(result == outcome::closed || result == outcome::closed_meanwhile ||
                    (result == 1 && i % 2 == 0))
                    << result;
            }
        };
        std::vector<fiber<void>> all;
        for (int i = 0; i < 4; ++i) all.push_back(go(storm));
        for (auto& each : all) each.join();
    });
}

} // namespace
} // namespace weft::net
