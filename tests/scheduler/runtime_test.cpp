// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;

using runtime_ = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, runtime_, test::all_worker_counts(), test::workers_name);

TEST_P(runtime_, RunGivesOrRethrowsWhatMainDid) {
    EXPECT_EQ(run([] { return 3; }), 3);
    EXPECT_THROW(run([]() -> int { throw std::runtime_error("main"); }), std::runtime_error);
    run([] {});
}

TEST_P(runtime_, WithNothingToDoItStartsAndStops) {
    for (int i = 0; i < 20; ++i) const runtime idle({.workers = GetParam()});
}

TEST_P(runtime_, FibersStillAliveAreCancelledAndTheirDestructorsRun) {
    std::atomic<int> destroyed{0};
    run([&] {
        struct counted {
            std::atomic<int>& ends;
            ~counted() { ends.fetch_add(1); }
        };
        std::atomic<int> begun{0};
        for (int i = 0; i < 1000; ++i)
            go([&] {
                const counted local{destroyed};
                begun.fetch_add(1);
                sleep(24h);
            }).detach();
        while (begun.load() != 1000) yield();
    });
    EXPECT_EQ(destroyed.load(), 1000);
}

TEST_P(runtime_, FibersThatSpawnDuringShutdownEndToo) {
    run([] {
        for (int i = 0; i < 50; ++i)
            go([] {
                try {
                    sleep(24h);
                } catch (const cancelled&) {
                    go([] { sleep(24h); }).detach();
                    throw;
                }
            }).detach();
        yield();
    });
}

// Everything at once: what sleeps, what joins, what yields, what has not begun.
TEST_P(runtime_, StopsWithEverythingParkedAgainAndAgain) {
    for (int round = 0; round < 100; ++round)
        run([] {
            for (int i = 0; i < 5; ++i) {
                go([] { sleep(24h); }).detach();
                go([] { go([] { sleep(24h); }).join(); }).detach();
                go([] {
                    for (;;) yield();
                }).detach();
            }
            sleep(1us);
        });
}

TEST_P(runtime_, SeveralAtOnceJoinEachOthersFibers) {
    runtime a({.workers = GetParam()});
    runtime b({.workers = GetParam()});
    const int got = a.run([&] {
        EXPECT_EQ(runtime::current(), &a);
        int sum = 0;
        for (int i = 0; i < 200; ++i) {
            sum += b.go([&b, i] {
                        EXPECT_EQ(runtime::current(), &b);
                        return i;
                    }).join();
        }
        return sum;
    });
    EXPECT_EQ(got, 19900);
    EXPECT_EQ(runtime::current(), nullptr);
}

TEST_P(runtime_, HandlesMayOutliveIt) {
    fiber<int> kept;
    fiber<int> failed;
    {
        runtime r({.workers = GetParam()});
        kept = r.go([] { return 8; });
        failed = r.go([]() -> int { throw std::runtime_error("late"); });
        r.run([] {});
    }
    EXPECT_EQ(kept.join(), 8);
    EXPECT_THROW(failed.join(), std::runtime_error);
}

TEST_P(runtime_, ManyThreadsSpawnIntoIt) {
    runtime r({.workers = GetParam()});
    std::atomic<int> ran{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 500; ++i)
                EXPECT_EQ(r.go([&ran] { return ran.fetch_add(1) >= 0; }).join(), true);
        });
    for (auto& t : threads) t.join();
    EXPECT_EQ(ran.load(), 2000);
}

TEST(Runtime, GoFromAPlainThreadStartsTheDefaultRuntime) {
    EXPECT_EQ(go([] { return 4; }).join(), 4);
    EXPECT_EQ(go([] { return runtime::current() != nullptr; }).join(), true);
}

TEST(Runtime, ShutdownThatDoesNotEndIsReported) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(weft::run(
                    [] {
                        go({.name = "stubborn"}, [] {
                            for (;;) try {
                                    sleep(1h);
                                } catch (const cancelled&) {}
                        }).detach();
                        yield();
                    },
                    {.workers = 2, .shutdown_timeout = 200ms}),
        ::testing::KilledBySignal(SIGABRT), "shutdown.*1 fibers(.|\n)*stubborn");
}

} // namespace
} // namespace weft
