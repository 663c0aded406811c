// SPDX-License-Identifier: BSL-1.0
#include "net/net_test.hpp"

#include <weft/select.hpp>
#include <weft/task_group.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::whereabouts;

constexpr std::string_view waiting_for_signal = "a signal";
constexpr std::string_view selecting = "one of several (select)";

// TSan keeps asynchronous signals back, one of a number at a time.
#if defined(__SANITIZE_THREAD__)
constexpr bool each_signal_is_kept = false;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr bool each_signal_is_kept = false;
#else
constexpr bool each_signal_is_kept = true;
#endif
#else
constexpr bool each_signal_is_kept = true;
#endif

void to_process(int signal) { ASSERT_EQ(::kill(::getpid(), signal), 0); }
// Handled before it returns.
void to_this_thread(int signal) { ASSERT_EQ(::pthread_kill(::pthread_self(), signal), 0); }

// Real-time signals are queued, and refused when there is no room.
void to_process_without_fail(int signal) {
    while (::sigqueue(::getpid(), signal, {}) != 0) std::this_thread::yield();
}

struct sigaction action_of(int signal) {
    struct sigaction now{};
    ::sigaction(signal, nullptr, &now);
    return now;
}

std::atomic<int> own_handler_calls{0};
void own_handler(int) { ++own_handler_calls; }

// While it lives, a signal has this action.
class with_action {
public:
    with_action(int signal, void (*handler)(int)) : signal_(signal) {
        struct sigaction action{};
        action.sa_handler = handler;
        ::sigaction(signal, &action, &before_);
    }
    ~with_action() { ::sigaction(signal_, &before_, nullptr); }
    with_action(const with_action&) = delete;
    with_action& operator=(const with_action&) = delete;

private:
    int signal_;
    struct sigaction before_{};
};

class Signals : public test::network {
protected:
    // The default runtime and its poller stay.
    static void SetUpTestSuite() { static_cast<void>(signal_set{SIGUSR1}.wait_for(0s)); }
    void TearDown() override {
        test::network::TearDown();
        for (const int each : {SIGUSR1, SIGUSR2, SIGRTMIN, SIGRTMIN + 1})
            EXPECT_EQ(action_of(each).sa_handler, SIG_DFL) << each;
    }
};
INSTANTIATE_TEST_SUITE_P(Workers, Signals, test::all_worker_counts(), test::workers_name);

TEST_P(Signals, WakesWhoeverWaits) {
    run([] {
        signal_set signals{SIGUSR1, SIGUSR2};
        for (const int sent : {SIGUSR1, SIGUSR2, SIGUSR1}) {
            whereabouts where;
            auto waiting = go([&] {
                where.here();
                return signals.wait();
            });
            where.await_parked(waiting_for_signal);
            to_process(sent);
            EXPECT_EQ(waiting.join(), sent);
        }
        EXPECT_EQ(signals.dropped(), 0U);
    });
}

TEST_P(Signals, WhatCameBeforeIsThere) {
    run([] {
        signal_set signals{SIGUSR1, SIGUSR2};
        EXPECT_EQ(signals.try_wait(), std::nullopt);
        to_this_thread(SIGUSR1);
        to_this_thread(SIGUSR2);
        EXPECT_EQ((std::set{signals.wait(), signals.wait()}), (std::set{SIGUSR1, SIGUSR2}));
        to_this_thread(SIGUSR1);
        EXPECT_EQ(signals.wait_until(clock::time_point::min()), SIGUSR1);
        to_this_thread(SIGUSR1);
        EXPECT_EQ(signals.try_wait(), SIGUSR1);
        EXPECT_EQ(signals.try_wait(), std::nullopt);
    });
}

TEST_P(Signals, WhatCameBeforeTheSetIsNotThere) {
    run([] {
        signal_set older{SIGUSR1};
        to_this_thread(SIGUSR1);
        signal_set younger{SIGUSR1};
        EXPECT_EQ(younger.try_wait(), std::nullopt);
        EXPECT_EQ(older.try_wait(), SIGUSR1);
    });
}

TEST_P(Signals, EachOfSeveralSetsGetsEach) {
    run([] {
        signal_set one{SIGUSR1};
        signal_set another{SIGUSR1, SIGUSR2};
        {
            signal_set third{SIGUSR1};
            whereabouts where;
            auto waiting = go([&] {
                where.here();
                return third.wait();
            });
            where.await_parked(waiting_for_signal);
            to_process(SIGUSR1);
            EXPECT_EQ(waiting.join(), SIGUSR1);
        }
        EXPECT_EQ(one.wait(), SIGUSR1);
        EXPECT_EQ(another.wait(), SIGUSR1);
        to_process(SIGUSR2);
        EXPECT_EQ(another.wait(), SIGUSR2);
        EXPECT_EQ(one.try_wait(), std::nullopt);
    });
}

TEST_P(Signals, TheLastSetGivesTheActionBack) {
    const with_action own(SIGUSR1, &own_handler);
    own_handler_calls = 0;
    run([] {
        auto first = std::make_unique<signal_set>(std::initializer_list<int>{SIGUSR1});
        auto second = std::make_unique<signal_set>(std::initializer_list<int>{SIGUSR1, SIGUSR2});
        first.reset();
        to_this_thread(SIGUSR1);
        EXPECT_EQ(second->wait(), SIGUSR1);
        EXPECT_EQ(own_handler_calls, 0);
        EXPECT_EQ(action_of(SIGUSR1).sa_flags & SA_RESTART, SA_RESTART);
        second.reset();
        EXPECT_EQ(action_of(SIGUSR1).sa_handler, &own_handler);
        to_this_thread(SIGUSR1);
        EXPECT_EQ(own_handler_calls, 1);
    });
}

TEST_P(Signals, AnActionSetMeanwhileStays) {
    run([] {
        auto signals = std::make_unique<signal_set>(std::initializer_list<int>{SIGUSR1});
        const with_action own(SIGUSR1, &own_handler);
        signals.reset();
        EXPECT_EQ(action_of(SIGUSR1).sa_handler, &own_handler);
    });
    ::signal(SIGUSR1, SIG_DFL);
}

TEST_P(Signals, R4_AFullQueueDropsAndCounts) {
    run([] {
        signal_set small({SIGRTMIN, SIGRTMIN + 1}, {.capacity = 10});
        signal_set large({SIGRTMIN}, {.capacity = 25});
        for (int i = 0; i < 25; ++i) to_this_thread(SIGRTMIN);
        to_this_thread(SIGRTMIN + 1);
        EXPECT_EQ(small.dropped(), 15U);
        std::multiset<int> came;
        while (const auto one = small.try_wait()) came.insert(*one);
        EXPECT_EQ(came.count(SIGRTMIN), 10U);
        EXPECT_EQ(came.count(SIGRTMIN + 1), 1U); // a queue for each
        for (int i = 0; i < 25; ++i) EXPECT_EQ(large.try_wait(), SIGRTMIN);
        EXPECT_EQ(large.try_wait(), std::nullopt);
        EXPECT_EQ(large.dropped(), 0U);
        to_this_thread(SIGRTMIN);
        EXPECT_EQ(small.try_wait(), SIGRTMIN);
        EXPECT_EQ(small.dropped(), 15U);
    });
}

TEST_P(Signals, NumbersTakeTurns) {
    run([] {
        signal_set signals{SIGRTMIN, SIGRTMIN + 1};
        for (int i = 0; i < 3; ++i) to_this_thread(SIGRTMIN);
        to_this_thread(SIGRTMIN + 1);
        EXPECT_EQ((std::set{signals.wait(), signals.wait()}), (std::set{SIGRTMIN, SIGRTMIN + 1}));
        EXPECT_EQ(signals.wait(), SIGRTMIN);
        EXPECT_EQ(signals.wait(), SIGRTMIN);
    });
}

TEST_P(Signals, FirstComeFirstServed) {
    run([] {
        signal_set signals{SIGUSR1};
        std::array<whereabouts, 3> where;
        std::vector<fiber<int>> waiting;
        std::vector<int> order;
        std::mutex mutex;
        for (int i = 0; i < 3; ++i) {
            waiting.push_back(go([&, i] {
                where[static_cast<unsigned>(i)].here();
                const int number = signals.wait();
                const std::scoped_lock guard(mutex);
                order.push_back(i);
                return number;
            }));
            where[static_cast<unsigned>(i)].await_parked(waiting_for_signal);
        }
        for (auto& each : waiting) {
            to_this_thread(SIGUSR1);
            EXPECT_EQ(signals.try_wait(), std::nullopt); // it belongs to the one who waits
            EXPECT_EQ(each.join(), SIGUSR1);
        }
        EXPECT_EQ(order, (std::vector{0, 1, 2}));
    });
}

TEST_P(Signals, DeadlinesAndCancellationTakeNothing) {
    run([] {
        signal_set signals{SIGUSR1};
        EXPECT_EQ(signals.wait_for(1ms), std::nullopt);
        EXPECT_EQ(signals.wait_until(std::chrono::steady_clock::now() + 1ms), std::nullopt);
        EXPECT_THROW(with_timeout(1ms, [&] { signals.wait(); }), timed_out);
        whereabouts where;
        auto cancelled_one = go([&] {
            where.here();
            EXPECT_THROW(signals.wait(), cancelled);
        });
        where.await_parked(waiting_for_signal);
        cancelled_one.cancel();
        cancelled_one.join();
        to_process(SIGUSR1);
        EXPECT_EQ(signals.wait(), SIGUSR1);
    });
}

// A signal and the end of the wait by something else, at the same time: the one or the other.
TEST_P(Signals, CancellationLosesNoSignal) {
    run([] {
        signal_set signals({SIGRTMIN}, {.capacity = 1000});
        constexpr int rounds = 200;
        int taken = 0;
        for (int i = 0; i < rounds; ++i) {
            whereabouts where;
            auto waiting = go([&] {
                try {
                    where.here();
                    signals.wait();
                    return 1;
                } catch (const cancelled&) {
                    return 0;
                }
            });
            where.await_parked(waiting_for_signal);
            to_this_thread(SIGRTMIN);
            waiting.cancel();
            taken += waiting.join();
            while (signals.try_wait()) ++taken;
        }
        EXPECT_EQ(taken, rounds);
    });
}

TEST_P(Signals, AreCasesOfASelect) {
    run([] {
        signal_set one{SIGUSR1};
        signal_set both{SIGUSR1, SIGUSR2};
        const channel<int> ch(1);
        const auto number = [](int signal) { return signal; };
        EXPECT_EQ(select(on_signal(one, number), otherwise([] { return 0; })), 0);
        to_this_thread(SIGUSR1);
        EXPECT_EQ(select(on_signal(one, number), otherwise([] { return 0; })), SIGUSR1);
        EXPECT_EQ(select(on_signal(one, number), on_timeout(1ms, [] { return -1; })), -1);
        EXPECT_EQ(select_biased(on_signal(one, number), on_signal(both, number)), SIGUSR1);

        for (int i = 0; i < 100; ++i) {
            whereabouts where;
            auto selecting_fiber = go([&] {
                where.here();
                return select(on_signal(one, [](int) { return -1; }), on_signal(both, number),
                    on_recv(ch, [](auto) { return -2; }), on_signal(both, number));
            });
            where.await_parked(selecting);
            if (i % 2 == 0)
                to_process(SIGUSR2);
            else
                ch.send(1);
            EXPECT_EQ(selecting_fiber.join(), i % 2 == 0 ? SIGUSR2 : -2);
        }
        EXPECT_EQ(one.try_wait(), std::nullopt);
        EXPECT_EQ(both.try_wait(), std::nullopt);
    });
}

TEST_P(Signals, ReachSetsWhicheverThreadTheyAreSentTo) {
    run([] {
        signal_set signals({SIGRTMIN}, {.capacity = 1000});
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; ++i) threads.emplace_back([] { to_this_thread(SIGRTMIN); });
        for (int i = 0; i < 8; ++i) EXPECT_EQ(signals.wait(), SIGRTMIN);
        for (auto& each : threads) each.join();

        test::gate leave;
        std::thread bystander([&] { leave.wait(); });
        ASSERT_EQ(::pthread_kill(bystander.native_handle(), SIGRTMIN), 0);
        EXPECT_EQ(signals.wait(), SIGRTMIN);
        leave.open();
        bystander.join();
        EXPECT_EQ(signals.try_wait(), std::nullopt);
    });
}

TEST_P(Signals, ComeFromOtherProcesses) {
    run([] {
        signal_set signals{SIGUSR1};
        process sender = process::spawn({"sh", "-c", "kill -USR1 $PPID"});
        EXPECT_EQ(signals.wait(), SIGUSR1);
        EXPECT_TRUE(sender.wait().success());
    });
}

// More at a time than anybody takes.
TEST_P(Signals, AStormOfRealTimeSignalsIsDeliveredOrDropped) {
    run([] {
        constexpr int senders = 4;
        constexpr int each_sends = 2'500;
        signal_set roomy({SIGRTMIN}, {.capacity = senders * each_sends});
        signal_set tight({SIGRTMIN}, {.capacity = 4});
        signal_set end{SIGRTMIN + 1};
        std::atomic<int> taken{0};
        task_group takers;
        for (int i = 0; i < 3; ++i) {
            takers.go([&] {
                for (;;) {
                    const bool more = select(on_signal(tight,
                                                 [&](int) {
                                                     ++taken;
                                                     return true;
                                                 }),
                        on_signal(end, [](int) { return false; }));
                    if (!more) return;
                }
            });
        }
        std::vector<std::thread> threads;
        for (int i = 0; i < senders; ++i) {
            threads.emplace_back([i] {
                for (int k = 0; k < each_sends; ++k)
                    i % 2 == 0 ? to_this_thread(SIGRTMIN) : to_process_without_fail(SIGRTMIN);
            });
        }
        blocking([&] {
            for (auto& each : threads) each.join();
        });

        int came = 0;
        if (each_signal_is_kept) {
            while (came < senders * each_sends && roomy.wait_for(30s)) ++came;
            EXPECT_EQ(came, senders * each_sends);
            EXPECT_EQ(roomy.try_wait(), std::nullopt);
        } else {
            while (roomy.wait_for(100ms)) ++came;
        }
        EXPECT_EQ(roomy.dropped(), 0U);
        for (int i = 0; i < 3; ++i) to_this_thread(SIGRTMIN + 1);
        takers.wait();
        while (tight.try_wait()) ++taken;
        EXPECT_EQ(static_cast<std::uint64_t>(taken) + tight.dropped(), static_cast<std::uint64_t>(came));
    });
}

// Of a standard signal the kernel may keep one for many; but of each storm at least one comes, after all have been sent.
TEST_P(Signals, AStormOfStandardSignalsEndsWithOne) {
    run([] {
        signal_set signals({SIGUSR1}, {.capacity = 100'000});
        for (int round = 0; round < 5; ++round) {
            constexpr int sent = 2'000;
            std::thread sender([] {
                for (int i = 0; i < sent; ++i) to_process(SIGUSR1);
            });
            int came = 0;
            do {
                signals.wait();
                ++came;
                while (signals.try_wait()) ++came;
            } while (came == 0);
            blocking([&] { sender.join(); });
            to_this_thread(SIGUSR1);
            while (signals.try_wait()) ++came;
            EXPECT_GE(came, 1);
            EXPECT_LE(came, sent + 1);
        }
        EXPECT_EQ(signals.dropped(), 0U);
    });
}

// The first set opens what the handler writes to, the last one closes it.
TEST_P(Signals, SetsComeAndGoInAStorm) {
    const with_action ignored(SIGUSR1, SIG_IGN);
    run([] {
        std::atomic<bool> done{false};
        std::vector<std::thread> senders;
        for (int i = 0; i < 2; ++i) {
            senders.emplace_back([&] {
                while (!done) to_this_thread(SIGUSR1);
            });
        }
        task_group makers;
        for (int i = 0; i < 2; ++i) {
            makers.go([] {
                for (int k = 0; k < 100; ++k) {
                    signal_set signals{SIGUSR1};
                    EXPECT_EQ(signals.wait(), SIGUSR1);
                    yield();
                }
            });
        }
        makers.wait();
        done = true;
        blocking([&] {
            for (auto& each : senders) each.join();
        });
    });
    EXPECT_EQ(action_of(SIGUSR1).sa_handler, SIG_IGN);
}

TEST_P(Signals, SetsOutliveTheRuntimeThatUsedThemFirst) {
    signal_set signals{SIGUSR1};
    const auto wait_and_send = [&] {
        whereabouts where;
        auto waiting = go([&] {
            where.here();
            return signals.wait();
        });
        where.await_parked(waiting_for_signal);
        to_process(SIGUSR1);
        EXPECT_EQ(waiting.join(), SIGUSR1);
    };
    for (int i = 0; i < 3; ++i) run(wait_and_send);

    whereabouts where;
    std::thread plain([&] {
        where.here();
        EXPECT_EQ(signals.wait(), SIGUSR1);
    });
    where.await_parked(waiting_for_signal);
    to_process(SIGUSR1);
    plain.join();
    run(wait_and_send);
}

TEST_P(Signals, ReachFibersOfSeveralRuntimesAndThreads) {
    signal_set shared{SIGUSR1};
    signal_set own{SIGUSR1};
    std::array<whereabouts, 4> where;
    const auto wait_for_one = [&](signal_set& set, std::size_t number) {
        where[number].here();
        EXPECT_EQ(set.wait(), SIGUSR1);
    };
    std::vector<std::thread> waiting;
    waiting.emplace_back([&] { run([&] { wait_for_one(shared, 0); }); });
    waiting.emplace_back([&] { run([&] { wait_for_one(shared, 1); }); });
    waiting.emplace_back([&] { run([&] { wait_for_one(own, 2); }); });
    waiting.emplace_back([&] { wait_for_one(shared, 3); });
    for (const whereabouts& each : where) each.await_parked(waiting_for_signal);
    for (int i = 0; i < 3; ++i) to_this_thread(SIGUSR1);
    for (auto& each : waiting) each.join();
    EXPECT_EQ(shared.try_wait(), std::nullopt);
    EXPECT_EQ(own.wait(), SIGUSR1);
    EXPECT_EQ(own.wait(), SIGUSR1);
}

TEST_P(Signals, WakePlainThreads) {
    signal_set signals{SIGUSR1, SIGUSR2};
    whereabouts where;
    std::thread waiting([&] {
        where.here();
        EXPECT_EQ(signals.wait(), SIGUSR1);
        EXPECT_EQ(signals.wait_for(1ms), std::nullopt);
        EXPECT_EQ(select(on_signal(signals, [](int signal) { return signal; })), SIGUSR2);
    });
    where.await_parked(waiting_for_signal);
    to_process(SIGUSR1);
    where.await_parked(selecting);
    to_process(SIGUSR2);
    waiting.join();
}

std::string refusal_of(std::initializer_list<int> signals, std::size_t capacity = 1) {
    try {
        const signal_set refused(signals, {.capacity = capacity});
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "none";
}

TEST(SignalSet, RefusesWhatCannotBeWaitedFor) {
    for (const int number :
        {-1, 0, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGURG, 32, 65, 1000})
        EXPECT_NE(
            refusal_of({SIGUSR1, number}).find("signal " + std::to_string(number) + " "), std::string::npos)
            << refusal_of({SIGUSR1, number});
    EXPECT_NE(refusal_of({SIGKILL}).find("SIGKILL"), std::string::npos);
    EXPECT_NE(refusal_of({}), "none");
    EXPECT_NE(refusal_of({SIGUSR1}, 0), "none");
    EXPECT_EQ(action_of(SIGUSR1).sa_handler, SIG_DFL); // nothing is left of those that were all right
    EXPECT_EQ(refusal_of({SIGUSR1, SIGUSR1, SIGRTMAX}), "none");
}

TEST(SignalSet, SomebodyWhoWaitsIsNoDeadlock) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(weft::run([] {
        signal_set signals{SIGUSR1};
        const process sender = process::spawn({"sh", "-c", "sleep 0.3; kill -USR1 $PPID"});
        ::_exit(signals.wait() == SIGUSR1 ? 0 : 1);
    }),
        ::testing::ExitedWithCode(0), "");
}

std::set<int> open_numbers() {
    std::set<int> found;
    for (int number = 0; number < 1024; ++number)
        if (::fcntl(number, F_GETFD) >= 0) found.insert(number);
    return found;
}

// What the handlers write is taken out again: a full pipe would wake nobody, on some systems.
TEST(SignalSet, LeavesNothingInItsPipe) {
    const std::set<int> before = open_numbers();
    signal_set signals{SIGUSR1};
    std::vector<int> ends;
    for (const int number : open_numbers())
        if (!before.contains(number)) ends.push_back(number);
    ASSERT_EQ(ends.size(), 2U);
    const auto send_to_one_who_waits = [&] {
        whereabouts where;
        auto waiting = go([&] {
            where.here();
            signals.wait();
        });
        where.await_parked(waiting_for_signal);
        to_process(SIGUSR1);
        waiting.join();
        for (int left = -1; left != 0; yield()) ASSERT_EQ(::ioctl(ends.front(), FIONREAD, &left), 0);
    };
    for (int i = 0; i < 3; ++i) weft::run(send_to_one_who_waits);
}

// As signal.Notify does; and the dump comes back.
TEST(SignalSet, TakesSigquitInsteadOfTheDump) {
    weft::run([] {
        {
            signal_set quit{SIGQUIT};
            to_this_thread(SIGQUIT);
            EXPECT_EQ(quit.wait(), SIGQUIT);
        }
        EXPECT_NE(action_of(SIGQUIT).sa_handler, SIG_DFL);
    });
    EXPECT_EQ(action_of(SIGQUIT).sa_handler, SIG_DFL);
}

TEST(SignalSet, OfSigquitMayOutliveTheRuntimeThatDumps) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto program = [] {
        std::optional<signal_set> quit;
        weft::run([&] { quit.emplace(std::initializer_list<int>{SIGQUIT}); });
        to_this_thread(SIGQUIT);
        if (quit->try_wait() != SIGQUIT) ::_exit(1);
        quit.reset();
        weft::run([] { // takes it over again
            if (action_of(SIGQUIT).sa_handler == SIG_DFL) ::_exit(2);
        });
        if (action_of(SIGQUIT).sa_handler != SIG_DFL) ::_exit(3);
        weft::run([&] { quit.emplace(std::initializer_list<int>{SIGQUIT}); });
        quit.reset();
        to_this_thread(SIGQUIT); // nobody is left who would dump
        ::_exit(4);
    };
    EXPECT_EXIT(program(), ::testing::KilledBySignal(SIGQUIT), "");
}

} // namespace
} // namespace weft::net
