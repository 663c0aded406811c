// SPDX-License-Identifier: BSL-1.0
#include "fiber/fiber_control.hpp"
#include "waiting/thread_waiter.hpp"

#include <weft/waiting/park.hpp>
#include <weft/waiting/waiter.hpp>

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr wait_reason for_a_test{"a waiter of a test", true};

TEST(Waiter, ArmBeginsAnotherEpoch) {
    fiber_control fiber;
    const wait_epoch first = fiber.arm(for_a_test);
    EXPECT_EQ(waiter::epoch_of(fiber.word()), first);
    EXPECT_EQ(fiber.reason(), &for_a_test);
    EXPECT_EQ(fiber.arm(for_a_test), first + 1);
}

TEST(Waiter, CannotBeClaimedBeforeItsFirstWait) {
    fiber_control fiber;
    EXPECT_FALSE(fiber.claim(0, wake_cause::first_case));
    EXPECT_FALSE(fiber.claim(1, wake_cause::first_case));
}

TEST(Waiter, FirstClaimWins) {
    fiber_control fiber;
    const wait_epoch epoch = fiber.arm(for_a_test);
    EXPECT_TRUE(fiber.claim(epoch, wake_cause{3}));
    EXPECT_FALSE(fiber.claim(epoch, wake_cause{4}));
    EXPECT_FALSE(fiber.claim(epoch, wake_cause::cancelled));
    EXPECT_EQ(fiber.cause(), wake_cause{3});
}

TEST(Waiter, ClaimOfAnEarlierOrLaterWaitFails) {
    fiber_control fiber;
    const wait_epoch earlier = fiber.arm(for_a_test);
    const wait_epoch now = fiber.arm(for_a_test);
    EXPECT_FALSE(fiber.claim(earlier, wake_cause::first_case));
    EXPECT_FALSE(fiber.claim(now + 1, wake_cause::first_case));
    EXPECT_TRUE(fiber.claim(now, wake_cause::deadline));
}

TEST(Waiter, CauseOfAnEarlierWaitIsForgotten) {
    fiber_control fiber;
    fiber.claim(fiber.arm(for_a_test), wake_cause::cancelled);
    const wait_epoch now = fiber.arm(for_a_test);
    EXPECT_TRUE(fiber.claim(now, wake_cause{5}));
    EXPECT_EQ(fiber.cause(), wake_cause{5});
}

TEST(Waiter, SavingKeepsEpochAndClaim) {
    fiber_control fiber;
    const wait_epoch epoch = fiber.arm(for_a_test);
    EXPECT_EQ(fiber.commit_saved(true) & (waiter::claimed | waiter::woken), 0U);
    EXPECT_EQ(fiber.word() & 0xffff, waiter::armed | waiter::saved | waiter::shielded);
    EXPECT_TRUE(fiber.claim(epoch, wake_cause{9}));
    EXPECT_EQ(waiter::epoch_of(fiber.word()), epoch);
    EXPECT_EQ(fiber.cause(), wake_cause{9});
}

TEST(Waiter, WakeBeforeSavingIsLeftToWhoeverSaves) {
    basic_waiter_word<> word;
    EXPECT_TRUE(word.claim(word.arm(), wake_cause::first_case));
    EXPECT_FALSE(word.set_woken());
    EXPECT_NE(word.commit_saved(false) & waiter::woken, 0U);

    EXPECT_TRUE(word.claim(word.arm(), wake_cause::first_case));
    EXPECT_EQ(word.commit_saved(false) & waiter::woken, 0U);
    EXPECT_TRUE(word.set_woken());
}

TEST(Waiter, ClaimsRaceAndOneWins) {
    fiber_control fiber;
    constexpr unsigned claimers = 3, rounds = 20'000;
    std::atomic<wait_epoch> epoch{0};
    std::atomic<unsigned> claimed{0}, failed{0};
    std::vector<std::thread> threads;
    for (unsigned me = 0; me < claimers; ++me)
        threads.emplace_back([&, me] {
            for (wait_epoch wait = 1; wait <= rounds; ++wait) {
                while (epoch.load() < wait) std::this_thread::yield();
                (fiber.claim(wait, static_cast<wake_cause>(me)) ? claimed : failed).fetch_add(1);
            }
        });
    for (wait_epoch wait = 1; wait <= rounds; ++wait) {
        fiber.arm(for_a_test);
        epoch.store(wait);
        while (claimed.load() + failed.load() < wait * claimers) std::this_thread::yield();
        EXPECT_EQ(claimed.load(), wait);
    }
    for (auto& each : threads) each.join();
}

// --- plain threads

TEST(ThreadWaiter, IsTheThreadsOwnAndItsSuccessorsAfterwards) {
    waiter* here = &this_waiter();
    EXPECT_EQ(here, &this_waiter());
    EXPECT_FALSE(here->is_fiber());
    waiter* first = nullptr;
    waiter* second = nullptr;
    std::thread([&] { first = &this_waiter(); }).join();
    std::thread([&] { second = &this_waiter(); }).join();
    EXPECT_NE(first, here);
    EXPECT_EQ(first, second);
}

TEST(ThreadWaiter, WakeBeforeParkIsKept) {
    waiter& me = this_waiter();
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(me.claim(me.arm(for_a_test), wake_cause{2}));
        me.wake();
        EXPECT_EQ(park(), wake_cause{2});
    }
}

TEST(ThreadWaiter, DeadlineEndsTheWait) {
    waiter& me = this_waiter();
    const wait_epoch epoch = me.arm(for_a_test);
    const clock::time_point deadline = clock::now() + 1ms;
    EXPECT_EQ(park(deadline), wake_cause::deadline);
    EXPECT_GE(clock::now(), deadline);
    EXPECT_FALSE(me.claim(epoch, wake_cause::first_case));
}

// The time left until the earliest time there is overflowed, and the thread waited without end.
TEST(ThreadWaiter, ADeadlineInTheDistantPastEndsTheWait) {
    waiter& me = this_waiter();
    me.arm(for_a_test);
    EXPECT_EQ(park(clock::time_point::min()), wake_cause::deadline);
}

// Everything the waker wrote before it woke is there, also where it had claimed when the deadline passed.
TEST(ThreadWaiter, DeadlineAndClaimRaceAndOneWins) {
    constexpr unsigned rounds = 20'000;
    waiter& me = this_waiter();
    std::atomic<wait_epoch> armed{0}, tried{0};
    unsigned wakeups_given = 0;
    unsigned result = 0;
    const wait_epoch before = me.arm(for_a_test);
    std::thread waker([&] {
        for (wait_epoch wait = before + 1; wait <= before + rounds; ++wait) {
            while (armed.load(std::memory_order_acquire) < wait) std::this_thread::yield();
            for (unsigned i = 0; i < wait % 64 * 50; ++i) sys::pause();
            if (me.claim(wait, wake_cause::first_case)) {
                ++wakeups_given;
                result = wait;
                me.wake();
            }
            tried.store(wait, std::memory_order_release);
        }
    });
    unsigned woken = 0, late = 0;
    for (wait_epoch wait = before + 1; wait <= before + rounds; ++wait) {
        ASSERT_EQ(me.arm(for_a_test), wait);
        armed.store(wait, std::memory_order_release);
        const wake_cause cause = park(clock::now() + std::chrono::microseconds(wait % 100));
        if (cause == wake_cause::first_case) {
            ++woken;
            EXPECT_EQ(result, wait);
        } else {
            EXPECT_EQ(cause, wake_cause::deadline);
            ++late;
        }
        while (tried.load(std::memory_order_acquire) < wait) std::this_thread::yield();
    }
    waker.join();
    EXPECT_EQ(woken, wakeups_given);
    EXPECT_EQ(woken + late, rounds);
}

} // namespace
} // namespace weft
