// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <atomic>
#include <csignal>
#include <thread>

#include <unistd.h>

namespace weft {
namespace {

using namespace std::chrono_literals;

class Deadlock : public ::testing::TestWithParam<unsigned> {
protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};
INSTANTIATE_TEST_SUITE_P(Workers, Deadlock, test::all_worker_counts(), test::workers_name);

TEST_P(Deadlock, OfAllFibersEndsTheProgramWithCode2) {
    EXPECT_EXIT(weft::run(
                    [] {
                        fiber<void> a;
                        fiber<void> b;
                        std::atomic<bool> both_started{false};
                        a = go({.name = "first"}, [&] {
                            while (!both_started.load()) yield();
                            b.join();
                        });
                        b = go({.name = "second"}, [&] { a.join(); });
                        both_started.store(true);
                        go([] { sleep(1ms); }).join();
                        b.join();
                    },
                    {.workers = GetParam()}),
        ::testing::ExitedWithCode(2),
        "all fibers are asleep - deadlock!(.|\n)*'main'.*parked, waits for the end of a "
        "fiber(.|\n)*'first'(.|\n)*'second'");
}

TEST_P(Deadlock, ASleepIsNone) {
    EXPECT_EXIT((weft::run([] { go([] { sleep(300ms); }).join(); }, {.workers = GetParam()}), ::_exit(0)),
        ::testing::ExitedWithCode(0), "^$");
}

TEST_P(Deadlock, AThreadThatMayHelpIsNone) {
    EXPECT_EXIT(([] {
        fiber<void> late;
        std::thread helper;
        weft::run(
            [&] {
                auto waiting = go([] { sleep(24h); });
                helper = std::thread([&] {
                    std::this_thread::sleep_for(400ms);
                    waiting.cancel();
                });
                auto outer = go([&] { waiting.join(); });
                EXPECT_THROW(outer.join(), cancelled);
            },
            {.workers = GetParam()});
        helper.join();
        ::_exit(0);
    }()),
        ::testing::ExitedWithCode(0), "^$");
}

} // namespace
} // namespace weft
