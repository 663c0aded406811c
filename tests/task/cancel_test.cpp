// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <weft/waiting/park.hpp>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;

using cancel_ = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, cancel_, test::all_worker_counts(), test::workers_name);

TEST_P(cancel_, EndsASleep) {
    run([] {
        std::atomic<bool> begun{false};
        auto f = go([&] {
            begun.store(true);
            sleep(24h);
        });
        while (!begun.load()) yield();
        f.cancel();
        EXPECT_THROW(f.join(), cancelled);
    });
}

TEST_P(cancel_, EndsAJoin) {
    run([] {
        auto inner = go([] { sleep(24h); });
        auto outer = go([&] { inner.join(); });
        outer.cancel();
        EXPECT_THROW(outer.join(), cancelled);
        EXPECT_TRUE(inner.joinable()); // a cancelled join leaves the handle as it was
        inner.cancel();
        EXPECT_THROW(inner.join(), cancelled);
    });
}

TEST_P(cancel_, EndsAYieldingLoop) {
    run([] {
        auto f = go([] {
            for (;;) yield();
        });
        f.cancel();
        EXPECT_THROW(f.join(), cancelled);
    });
}

TEST_P(cancel_, IsLevelTriggered) {
    run([] {
        auto f = go([] {
            int thrown = 0;
            for (int i = 0; i < 3; ++i) try {
                    sleep(24h);
                } catch (const cancelled&) {
                    ++thrown;
                }
            return thrown;
        });
        f.cancel();
        EXPECT_EQ(f.join(), 3);
    });
}

TEST_P(cancel_, BeforeItBeginsTheFiberRunsToItsFirstBlockingCall) {
    run([] {
        std::atomic<bool> asked{false};
        bool ran = false;
        auto f = go([&] {
            ran = true;
            while (!asked.load()) continue;
            yield();
            ADD_FAILURE() << "not cancelled";
        });
        f.cancel();
        asked.store(true);
        EXPECT_THROW(f.join(), cancelled);
        EXPECT_TRUE(ran);
    });
}

TEST_P(cancel_, UnwindingIsShielded) {
    run([] {
        bool slept = false;
        struct waits_at_the_end {
            bool& done;
            ~waits_at_the_end() {
                sleep(1us);
                yield();
                done = true;
            }
        };
        auto f = go([&] {
            const waits_at_the_end at_end{slept};
            sleep(24h);
        });
        f.cancel();
        EXPECT_THROW(f.join(), cancelled);
        EXPECT_TRUE(slept);
    });
}

TEST_P(cancel_, ShieldKeepsItAway) {
    run([] {
        std::atomic<bool> shielded{false};
        auto f = go([&] {
            {
                const cancellation_shield shield;
                shielded.store(true);
                sleep(1ms);
            }
            EXPECT_THROW(sleep(1ms), cancelled);
        });
        while (!shielded.load()) yield();
        f.cancel();
        f.join();
    });
}

TEST_P(cancel_, OfAnEndedFiberDoesNothing) {
    run([] {
        auto f = go([] { return 1; });
        sleep(1us);
        f.cancel();
        EXPECT_EQ(f.join(), 1);
    });
}

// The cancellation and the deadline race for the one waiter; whoever wins, the fiber goes on exactly once.
TEST_P(cancel_, RacesWithTheEndOfSleeps) {
    run([] {
        int finished = 0;
        int stopped = 0;
        for (int i = 0; i < 3000; ++i) {
            auto f = go([i] { sleep(std::chrono::microseconds(i % 50)); });
            if (i % 3 != 0) sleep(std::chrono::microseconds(i % 40));
            f.cancel();
            try {
                f.join();
                ++finished;
            } catch (const cancelled&) {
                ++stopped;
            }
        }
        EXPECT_EQ(finished + stopped, 3000);
    });
}

} // namespace
} // namespace weft
