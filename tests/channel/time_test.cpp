// SPDX-License-Identifier: BSL-1.0
#include "support/actors.hpp"

#include <weft/time.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;
using test::until;

class Timer : public test::in_each_setting {};
INSTANTIATE_TEST_SUITE_P(Settings, Timer, ::testing::ValuesIn(test::all_settings), test::name_of_setting);
class Ticker : public test::in_each_setting {};
INSTANTIATE_TEST_SUITE_P(Settings, Ticker, ::testing::ValuesIn(test::all_settings), test::name_of_setting);

TEST_P(Timer, AfterGivesOneTickNotBeforeItsTime) {
    run([] {
        const auto begin = clock::now();
        const receiver<tick> ticks = after(2ms);
        const auto value = ticks.recv();
        ASSERT_TRUE(value);
        EXPECT_GE(clock::now(), *value);
        EXPECT_GE(*value, begin + 2ms);
        tick none;
        EXPECT_EQ(ticks.try_recv(none), channel_status::empty);
    });
}

TEST_P(Timer, NothingIsReceivedWithoutWaitingForever) {
    run([] {
        EXPECT_TRUE(after(0ms).recv());
        EXPECT_TRUE(after(-1h).recv());
        tick none;
        EXPECT_EQ(after(std::chrono::hours::max()).try_recv(none), channel_status::empty);
    });
}

TEST_P(Timer, T1_AfterStopNoStaleTickIsReceived) {
    run([] {
        tick none;
        const timer pending(1h);
        EXPECT_TRUE(pending.stop());
        EXPECT_FALSE(pending.stop());
        EXPECT_EQ(pending.receiver().try_recv(none), channel_status::empty);

        const timer fired(0ms);
        until([&] { return fired.receiver().size() == 1; });
        EXPECT_TRUE(fired.stop()); // it kept the tick from being received
        EXPECT_EQ(fired.receiver().try_recv(none), channel_status::empty);

        const timer received(0ms);
        EXPECT_TRUE(received.receiver().recv());
        EXPECT_FALSE(received.stop());
    });
}

TEST_P(Timer, T1_AfterResetOnlyTheNewTickIsReceived) {
    run([] {
        const timer one(0ms);
        until([&] { return one.receiver().size() == 1; });
        const auto again = clock::now();
        EXPECT_TRUE(one.reset(1ms));
        const auto value = one.receiver().recv();
        ASSERT_TRUE(value);
        EXPECT_GE(*value, again + 1ms);
        EXPECT_FALSE(one.reset(0ms));
        EXPECT_TRUE(one.receiver().recv());
    });
}

// Whatever stop says, exactly one of the two happens: the tick is received, or stop kept it.
TEST_P(Timer, T1_StopAgainstAFiringTimerCountsOnce) {
    run([] {
        int kept = 0;
        int received = 0;
        constexpr int rounds = 2000;
        for (int i = 0; i < rounds; ++i) {
            const timer one(std::chrono::microseconds(i % 20));
            if (i % 3 == 0) yield();
            tick value;
            if (i % 2 == 0 && one.receiver().try_recv(value) == channel_status::ok)
                ++received;
            else if (one.stop())
                ++kept;
            else
                ADD_FAILURE() << "the tick of round " << i << " is lost";
            EXPECT_EQ(one.receiver().try_recv(value), channel_status::empty);
        }
        EXPECT_EQ(kept + received, rounds);
    });
}

TEST_P(Timer, AMillionStartedAndStoppedLeaveNothing) {
    run([] {
        constexpr int rounds = 20'000; // a million: WEFT_STRESS=50
        for (int i = 0; i < rounds * test::stress_factor(); ++i) {
            const timer one(1h);
            if (i % 2 == 0) {
                EXPECT_TRUE(one.stop());
            }
        }
    });
}

TEST_P(Timer, AReceiverOutlivesItsTimer) {
    run([] {
        const auto ticks = timer(1ms).receiver();
        EXPECT_TRUE(ticks.recv());
    });
}

TEST(TimerBeyondItsRuntime, FiresNoMoreAndIsStoppedStill) {
    std::unique_ptr<timer> kept;
    std::unique_ptr<timer> function;
    const auto counted = std::make_shared<int>(0);
    weft::run([&] {
        kept = std::make_unique<timer>(1h);
        function = std::make_unique<timer>(after_func(1h, [counted] {}));
    });
    EXPECT_EQ(counted.use_count(), 2); // in the timer, no more in the fiber that was ready
    tick none;
    EXPECT_EQ(kept->receiver().try_recv(none), channel_status::empty);
    kept->stop();
    EXPECT_FALSE(function->stop());
    weft::run([&] {
        EXPECT_FALSE(kept->reset(0ms));
        EXPECT_TRUE(kept->receiver().recv());
    });
    EXPECT_EQ(test::used_control_blocks(), 0U);
}

// --- after_func

TEST_P(Timer, T2_AfterFuncRunsInAFiberOfItsOwn) {
    run([] {
        const channel<fiber_id> ran(1);
        after_func(1ms, [ran] { ran.send(this_fiber::id()); });
        const auto id = ran.recv();
        ASSERT_TRUE(id);
        EXPECT_NE(*id, fiber_id());
        EXPECT_NE(*id, this_fiber::id());
    });
}

TEST_P(Timer, T2_StopOfAfterFuncKeepsItFromRunningAndFreesIt) {
    run([] {
        const auto counted = std::make_shared<int>(0);
        {
            const timer one = after_func(1h, [counted] { ++*counted; });
            EXPECT_FALSE(one.receiver());
            EXPECT_TRUE(one.stop());
            EXPECT_FALSE(one.stop());
        }
        EXPECT_EQ(counted.use_count(), 1);
        EXPECT_EQ(*counted, 0);
    });
}

TEST_P(Timer, T2_StopDoesNotWaitForAFunctionThatHasBegun) {
    run([] {
        const channel<unit> begun(0);
        const channel<unit> may_end(0);
        const timer one = after_func(0ms, [=] {
            begun.send({});
            may_end.recv();
            begun.send({});
        });
        begun.recv();
        EXPECT_FALSE(one.stop());
        may_end.send({});
        begun.recv();
    });
}

TEST_P(Timer, AfterFuncRunsAgainAfterReset) {
    run([] {
        const channel<int> ran(8);
        const auto count = std::make_shared<std::atomic<int>>(0);
        const timer one = after_func(0ms, [=] { ran.send(++*count); });
        EXPECT_EQ(ran.recv(), 1);
        EXPECT_FALSE(one.reset(0ms));
        EXPECT_EQ(ran.recv(), 2);
        EXPECT_FALSE(one.reset(1h));
        EXPECT_TRUE(one.reset(0ms));
        EXPECT_EQ(ran.recv(), 3);
    });
}

// --- tickers

TEST_P(Ticker, T2_PeriodMustBePositive) {
    run([] {
        EXPECT_THROW(ticker(0ms), std::invalid_argument);
        EXPECT_THROW(ticker(-1ns), std::invalid_argument);
        const ticker one(1h);
        EXPECT_THROW(one.reset(0s), std::invalid_argument);
    });
}

TEST_P(Ticker, T2_DropsTicksForASlowReceiver) {
    run([] {
        // Both are in one heap, which fires in the order of times: when the later one has come, each tick before it has.
        const ticker one(100us);
        const auto late = *after(2ms).recv();
        EXPECT_EQ(one.receiver().size(), 1U);
        const auto first = one.receiver().recv();
        const auto second = one.receiver().recv();
        EXPECT_LT(*first, late - 1ms);
        EXPECT_GE(*second, late); // those between are gone
        EXPECT_EQ((*second - *first) % 100us, 0ns);
    });
}

TEST_P(Ticker, BurstDeliversEachTick) {
    run([] {
        const ticker one(100us, missed_tick::burst);
        until([&] { return one.receiver().size() == 1; });
        const auto late = clock::now() + 2ms;
        until([&] { return clock::now() > late; });
        auto before = *one.receiver().recv();
        for (int i = 0; i < 30; ++i) {
            const auto next = *one.receiver().recv();
            EXPECT_EQ(next - before, 100us) << i;
            before = next;
        }
    });
}

TEST_P(Ticker, DelayCountsFromTheReceive) {
    run([] {
        const ticker one(300us, missed_tick::delay);
        for (int i = 0; i < 5; ++i) {
            until([&] { return one.receiver().size() == 1; });
            const auto received = clock::now();
            ASSERT_TRUE(one.receiver().recv());
            const auto next = one.receiver().recv(); // waits for it: it is received as soon as it comes
            EXPECT_GE(*next, received + 300us);
        }
    });
}

TEST_P(Ticker, StopAndResetLeaveNoStaleTick) {
    run([] {
        tick none;
        const ticker one(50us);
        until([&] { return one.receiver().size() == 1; });
        one.stop();
        EXPECT_EQ(one.receiver().try_recv(none), channel_status::empty);
        const auto begin = clock::now();
        one.reset(1ms);
        EXPECT_GE(*one.receiver().recv(), begin + 1ms);
    });
}

} // namespace
} // namespace weft
