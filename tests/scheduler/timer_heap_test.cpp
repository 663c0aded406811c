// SPDX-License-Identifier: BSL-1.0
#include "scheduler/timer_heap.hpp"

#include "fiber/fiber_control.hpp"
#include "scheduler/scheduler.hpp"

#include <weft/run.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weft {
namespace {

constexpr wait_reason for_a_test{"a timer of a test", true};

// Control blocks without a fiber: each waits, its context is "saved", and its timer is armed or not.
class TimerHeap : public ::testing::Test {
protected:
    using numbers = std::vector<std::size_t>;

    struct sleeper {
        void begin_wait(scheduler& home) {
            fiber.set_home(home);
            node.emplace(fiber, fiber.arm(for_a_test));
            fiber.commit_saved(false);
        }
        fiber_control fiber;
        std::optional<timer_node> node;
    };

    void begin_waits(std::size_t count) {
        sleepers_ = std::make_unique<sleeper[]>(count);
        for (std::size_t i = 0; i < count; ++i) {
            sleepers_[i].fiber.id = i;
            sleepers_[i].begin_wait(home_);
        }
    }
    static clock::time_point at(std::int64_t when) { return clock::time_point(clock::duration(when)); }
    bool arm(std::size_t number, std::int64_t when) { return heap_.arm(*sleepers_[number].node, at(when)); }
    void disarm(std::size_t number) { timer_heap::disarm(*sleepers_[number].node); }
    numbers fire(std::int64_t now) {
        ready_list batch(home_);
        heap_.fire(at(now), batch);
        numbers fired;
        while (const fiber_control* fiber = batch.pop()) fired.push_back(fiber->id);
        return fired;
    }

    static constexpr std::int64_t at_last = 1'000'000'000;

    runtime runtime_{{.workers = 1}};
    scheduler& home_ = *runtime_.run([] { return scheduler::current(); });
    std::unique_ptr<sleeper[]> sleepers_;
    timer_heap heap_;
};

TEST_F(TimerHeap, FiresInTheOrderOfDeadlines) {
    constexpr std::size_t count = 1000;
    begin_waits(count);
    for (std::size_t i = 0; i < count; ++i) arm(i, static_cast<std::int64_t>(i * 387 % 1009));
    const numbers fired = fire(at_last);
    EXPECT_EQ(fired.size(), count);
    EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end(),
        [](std::size_t a, std::size_t b) { return a * 387 % 1009 < b * 387 % 1009; }));
}

TEST_F(TimerHeap, EqualDeadlinesFireInTheOrderTheyWereArmed) {
    begin_waits(50);
    numbers expected;
    for (std::size_t i = 0; i < 50; ++i) arm(i, 7);
    for (std::size_t i = 0; i < 50; i += 5) disarm(i);
    for (std::size_t i = 0; i < 50; ++i)
        if (i % 5 != 0) expected.push_back(i);
    for (std::size_t i = 45; i > 0; i -= 5) {
        arm(i, 7);
        expected.push_back(i);
    }
    EXPECT_EQ(fire(7), expected);
}

TEST_F(TimerHeap, FiresWhatIsDueAndNoMore) {
    begin_waits(4);
    for (const std::size_t i : {3U, 1U, 0U, 2U}) arm(i, static_cast<std::int64_t>(10 * i));
    EXPECT_EQ(fire(9), numbers{0});
    EXPECT_EQ(fire(9), numbers{});
    EXPECT_FALSE(heap_.due(at(9)));
    EXPECT_TRUE(heap_.due(at(10)));
    EXPECT_EQ(fire(20), (numbers{1, 2}));
    EXPECT_EQ(fire(at_last), numbers{3});
}

TEST_F(TimerHeap, NextIsTheFirstDeadline) {
    begin_waits(4);
    EXPECT_EQ(heap_.next(), clock::time_point::max());
    EXPECT_TRUE(heap_.empty_approx());
    EXPECT_TRUE(arm(0, 20)) << "the first to fire";
    EXPECT_FALSE(arm(1, 30));
    EXPECT_EQ(heap_.next(), at(20));
    EXPECT_FALSE(arm(2, 20)) << "behind its equal";
    EXPECT_TRUE(arm(3, 10));
    EXPECT_EQ(heap_.next(), at(10));
    disarm(3);
    disarm(0);
    EXPECT_EQ(heap_.next(), at(20));
    disarm(2);
    EXPECT_EQ(heap_.next(), at(30));
    EXPECT_FALSE(heap_.empty_approx());
    fire(30);
    EXPECT_EQ(heap_.next(), clock::time_point::max());
    EXPECT_TRUE(heap_.empty_approx());
}

TEST_F(TimerHeap, DisarmsFromEveryPlace) {
    constexpr std::size_t count = 30;
    for (std::size_t gone = 0; gone < count; ++gone) {
        begin_waits(count);
        for (std::size_t i = 0; i < count; ++i) arm(i, static_cast<std::int64_t>(i * 17 % 31));
        disarm(gone);
        EXPECT_EQ(sleepers_[gone].node->place, timer_node::nowhere);
        const numbers fired = fire(at_last);
        EXPECT_EQ(fired.size(), count - 1);
        EXPECT_EQ(std::count(fired.begin(), fired.end(), gone), 0);
        EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end(),
            [](std::size_t a, std::size_t b) { return a * 17 % 31 < b * 17 % 31; }))
            << "without " << gone;
    }
}

TEST_F(TimerHeap, DisarmingWhatIsNotArmedIsHarmless) {
    begin_waits(2);
    disarm(0);
    arm(0, 1);
    arm(1, 2);
    disarm(0);
    disarm(0);
    EXPECT_EQ(fire(2), numbers{1});
    disarm(1);
    EXPECT_TRUE(heap_.empty_approx());
}

TEST_F(TimerHeap, FiringClaimsWithTheCauseDeadline) {
    begin_waits(1);
    arm(0, 1);
    EXPECT_EQ(fire(1), numbers{0});
    EXPECT_EQ(sleepers_[0].fiber.cause(), wake_cause::deadline);
    EXPECT_FALSE(sleepers_[0].fiber.claim(sleepers_[0].node->epoch, wake_cause::first_case));
}

TEST_F(TimerHeap, FiringWakesOnlyWhoStillWaits) {
    begin_waits(3);
    for (std::size_t i = 0; i < 3; ++i) arm(i, 1);
    EXPECT_TRUE(sleepers_[0].fiber.claim(sleepers_[0].node->epoch, wake_cause::first_case));
    sleepers_[1].fiber.claim(sleepers_[1].node->epoch, wake_cause::first_case);
    sleepers_[1].fiber.arm(for_a_test);
    EXPECT_EQ(fire(1), numbers{2});
    EXPECT_EQ(sleepers_[0].fiber.cause(), wake_cause::first_case);
    EXPECT_EQ(sleepers_[1].fiber.word() & waiter::claimed, 0U) << "it waits for something else now";
    EXPECT_TRUE(heap_.empty_approx()) << "those timers are gone as well";
}

TEST_F(TimerHeap, MillionArmedAndDisarmedLeaveNothing) {
    constexpr std::size_t at_a_time = 100;
    begin_waits(at_a_time);
    for (std::size_t i = 0; i < 1'000'000; ++i) {
        if (i >= at_a_time) disarm(i % at_a_time);
        arm(i % at_a_time, static_cast<std::int64_t>(i * 7919 % 10007));
    }
    for (std::size_t i = 0; i < at_a_time; ++i) disarm(i);
    EXPECT_TRUE(heap_.empty_approx());
    EXPECT_EQ(fire(at_last), numbers{});
}

// Owners arm, then end their wait themselves unless a timer has done so; two threads fire all the time.
TEST_F(TimerHeap, EachWaitEndsExactlyOnceBesideThreadsThatFire) {
    constexpr std::size_t owners = 2, each_has = 4;
    constexpr int rounds = 5000;
    begin_waits(owners * each_has);
    std::vector<std::atomic<int>> fired(owners * each_has);
    std::atomic<std::size_t> working{owners};
    std::atomic<std::int64_t> now{0};

    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i)
        threads.emplace_back([&] {
            while (working.load() != 0)
                for (const std::size_t number : fire(now.fetch_add(1))) fired[number].fetch_add(1);
        });
    for (std::size_t owner = 0; owner < owners; ++owner)
        threads.emplace_back([&, owner] {
            for (int round = 0; round < rounds; ++round) {
                for (std::size_t i = owner * each_has; i < (owner + 1) * each_has; ++i) {
                    sleepers_[i].begin_wait(home_);
                    arm(i, now.load() + static_cast<std::int64_t>(i % 3));
                }
                for (std::size_t i = owner * each_has; i < (owner + 1) * each_has; ++i) {
                    sleeper& mine = sleepers_[i];
                    const bool ended_here = mine.fiber.claim(mine.node->epoch, wake_cause::first_case);
                    while (!ended_here && fired[i].load() == 0) std::this_thread::yield();
                    disarm(i);
                    EXPECT_EQ(fired[i].exchange(0), ended_here ? 0 : 1);
                    EXPECT_EQ(mine.fiber.cause(), ended_here ? wake_cause::first_case : wake_cause::deadline);
                }
            }
            working.fetch_sub(1);
        });
    for (auto& each : threads) each.join();
    EXPECT_TRUE(heap_.empty_approx());
}

} // namespace
} // namespace weft
