// SPDX-License-Identifier: BSL-1.0
#include "sync/sync_test.hpp"

#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

namespace weft::test {
namespace {

using mutex_ = synchronised;
INSTANTIATE_TEST_SUITE_P(Settings, mutex_, ::testing::ValuesIn(all_settings), name_of_setting);
using mutex_of_fibers = mixed;
INSTANTIATE_TEST_SUITE_P(Workers, mutex_of_fibers, all_worker_counts(), workers_name);

TEST_P(mutex_, TryLockTellsWhetherItIsFree) {
    run([] {
        mutex one;
        ASSERT_TRUE(one.try_lock());
        EXPECT_FALSE(one.try_lock());
        actors others;
        others.start([&] { EXPECT_FALSE(one.try_lock()); });
        others.join();
        one.unlock();
        others.start([&] {
            EXPECT_TRUE(one.try_lock());
            one.unlock();
        });
    });
}

TEST_P(mutex_, RecursiveLockThrows) {
    run([] {
        mutex one;
        const std::lock_guard guard(one);
        for (const bool timed : {false, true}) try {
                if (timed)
                    static_cast<void>(one.try_lock_for(1h));
                else
                    one.lock();
                ADD_FAILURE() << "locked twice";
            } catch (const std::system_error& error) {
                EXPECT_EQ(error.code(), std::errc::resource_deadlock_would_occur);
            }
        EXPECT_FALSE(one.try_lock()); // still held, once
    });
}

TEST_P(mutex_, UnlockOfAFreeOneThrows) {
    run([] {
        mutex one;
        EXPECT_TRUE(contains(message_of<std::logic_error>([&] { one.unlock(); }), "nobody holds it"));
        const std::lock_guard guard(one);
    });
}

TEST_P(mutex_, UnlockByAnotherThrowsAndChangesNothing) {
    run([] {
        mutex one;
        one.lock();
        actors others;
        others.start([&] { EXPECT_THROW(one.unlock(), std::logic_error); });
        others.join();
        EXPECT_FALSE(one.try_lock());
        one.unlock();
    });
}

TEST_P(mutex_, DeadlinePassesWithoutIt) {
    run([] {
        mutex one;
        one.lock();
        actors others;
        others.start([&] {
            EXPECT_FALSE(one.try_lock_for(1ms));
            EXPECT_FALSE(one.try_lock_for(-1h));
            EXPECT_FALSE(one.try_lock_until(clock::time_point::min()));
            EXPECT_FALSE(one.try_lock_until(std::chrono::steady_clock::now() + 1ms));
            EXPECT_FALSE(one.try_lock_until(std::chrono::system_clock::time_point::min()));
        });
        others.join();
        one.unlock(); // nobody is left in the queue
        EXPECT_TRUE(one.try_lock());
        one.unlock();
    });
}

TEST_P(mutex_, FreeOneIsLockedAfterTheDeadline) {
    run([] {
        mutex one;
        EXPECT_TRUE(one.try_lock_until(clock::time_point::min()));
        one.unlock();
        const std::unique_lock timed(one, -1s);
        EXPECT_TRUE(timed.owns_lock());
    });
}

TEST_P(mutex_, TimedWaiterGetsIt) {
    run([] {
        mutex one;
        one.lock();
        lookout other;
        actors others;
        others.start([&] {
            other.about_to_wait();
            EXPECT_TRUE(one.try_lock_until(clock::now() + 24h));
            one.unlock();
        });
        other.until_it_waits();
        one.unlock();
    });
}

TEST_P(mutex_, StarvedWaiterIsHandedIt) {
    run([] {
        mutex one;
        bool served = false;
        one.lock();
        lookout other;
        actors others;
        others.start([&] {
            other.about_to_wait();
            const std::lock_guard guard(one);
            served = true;
        });
        other.until_it_waits();
        let_time_pass();
        one.unlock();
        const std::lock_guard guard(one);
        EXPECT_TRUE(served); // nobody comes between, as fast as he may be
    });
}

TEST_P(mutex_, StarvedWaitersAreServedInTurn) {
    run([] {
        mutex one;
        std::vector<int> order;
        constexpr int count = 8;
        std::deque<lookout> waiting(count);
        actors others;
        one.lock();
        for (int i = 0; i < count; ++i) {
            others.start([&, i] {
                waiting[static_cast<std::size_t>(i)].about_to_wait();
                const std::lock_guard guard(one);
                order.push_back(i);
            });
            waiting[static_cast<std::size_t>(i)].until_it_waits();
        }
        let_time_pass();
        one.unlock();
        others.join();
        EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
    });
}

// Whoever unlocks and locks at once keeps out nobody for ever, not even on one worker.
TEST_P(mutex_, GreedyOneStarvesNobody) {
    run([] {
        mutex one;
        std::atomic<int> served{0};
        actors others;
        for (int i = 0; i < 4; ++i)
            others.start([&] {
                const std::lock_guard guard(one);
                served.fetch_add(1);
            });
        while (served.load() != 4) const std::lock_guard guard(one);
    });
}

// Several of them relieve each other, so that it is hardly ever free and never without a newcomer.
TEST_P(mutex_, GreedyOnesTogetherStarveNobody) {
    run([] {
        mutex one;
        std::atomic<int> served{0};
        actors others;
        for (int i = 0; i < 4; ++i)
            others.start([&] {
                while (served.load() != 4) const std::lock_guard guard(one);
            });
        for (int i = 0; i < 4; ++i)
            others.start([&] {
                const std::lock_guard guard(one);
                served.fetch_add(1);
            });
    });
}

TEST_P(mutex_, WorksWithStdLocks) {
    run([] {
        mutex left;
        mutex right;
        int both = 0;
        actors others;
        for (int i = 0; i < 4; ++i)
            others.start([&, i] {
                for (int k = 0; k < 500; ++k) {
                    const std::scoped_lock guard(i % 2 == 0 ? left : right, i % 2 == 0 ? right : left);
                    ++both;
                }
            });
        others.join();
        EXPECT_EQ(both, 2000);
    });
}

// As a reference-counted object with its own mutex: destroyed by whoever finds itself to be the last.
TEST_P(mutex_, MayBeDestroyedByWhoeverUnlocksLast) {
    run([] {
        struct object {
            mutex lock;
            int references = 3;
        };
        for (int round = 0; round < 300; ++round) {
            auto* shared = new object;
            actors others;
            for (int i = 0; i < 3; ++i)
                others.start([shared] {
                    std::unique_lock guard(shared->lock);
                    const bool last = --shared->references == 0;
                    guard.unlock();
                    if (last) delete shared;
                });
        }
    });
}

TEST_P(mutex_of_fibers, EachSectionIsAlone) {
    run([] {
        mutex one;
        long long entered = 0;
        constexpr int each = 2000;
        crew all(crew_of::fibers);
        crew threads(crew_of::threads);
        const auto work = [&] {
            for (int k = 0; k < each; ++k) {
                const std::lock_guard guard(one);
                ++entered;
                if (k % 64 == 0) yield(); // a fiber that holds it goes on elsewhere
            }
        };
        for (int i = 0; i < 8; ++i) all.start(work);
        for (int i = 0; i < 2; ++i) threads.start(work);
        all.join();
        threads.join();
        EXPECT_EQ(entered, 10 * each);
    });
}

TEST_P(mutex_of_fibers, MisuseNamesTheHolder) {
    run([] {
        mutex one;
        lookout holder;
        auto holding = go({.name = "holder"}, [&] {
            one.lock();
            holder.about_to_wait();
            try {
                sleep(24h);
            } catch (const cancelled&) {
                one.unlock();
                throw;
            }
        });
        holder.until_it_waits();
        EXPECT_TRUE(contains(message_of<std::logic_error>([&] { one.unlock(); }), "'holder'"));
        holding.cancel();
        EXPECT_THROW(holding.join(), cancelled);

        std::thread([&] { one.lock(); }).join();
        EXPECT_TRUE(contains(message_of<std::logic_error>([&] { one.unlock(); }), "a thread holds it"));
    });
}

TEST_P(mutex_of_fibers, LockIsNoCancellationPoint) {
    run([] {
        mutex one;
        one.lock();
        lookout waiting;
        auto other = go([&] {
            waiting.about_to_wait();
            one.lock();
            one.unlock();
            one.lock(); // when it is free, neither
            one.unlock();
            EXPECT_THROW(yield(), cancelled);
        });
        waiting.until_it_waits();
        other.cancel();
        for (int i = 0; i < 10; ++i) yield();
        EXPECT_TRUE(waiting.waits());
        one.unlock();
        other.join();
    });
}

TEST_P(mutex_of_fibers, TimedLockIsACancellationPoint) {
    run([] {
        mutex one;
        one.lock();
        lookout first;
        lookout second;
        auto leaving = go([&] {
            first.about_to_wait();
            static_cast<void>(one.try_lock_for(24h));
        });
        first.until_it_waits();
        auto staying = go([&] {
            second.about_to_wait();
            const std::lock_guard guard(one);
        });
        second.until_it_waits();
        leaving.cancel();
        EXPECT_THROW(leaving.join(), cancelled);
        one.unlock();
        staying.join();

        auto too_late = go([&] {
            until_cancelled();
            EXPECT_THROW(static_cast<void>(one.try_lock_for(24h)), cancelled);
        });
        too_late.cancel();
        too_late.join();
        EXPECT_TRUE(one.try_lock());
        one.unlock();
    });
}

TEST_P(mutex_of_fibers, WaysToLeaveRace) {
    run([] {
        mutex one;
        int entered = 0;
        std::atomic<int> expected{0};
        crew all(crew_of::both);
        for (int i = 0; i < 12; ++i)
            all.start([&, i] {
                for (int k = 0; k < 300; ++k) try {
                        const auto patience = std::chrono::microseconds((i * 31 + k * 7) % 40);
                        const std::unique_lock guard(one, patience);
                        if (!guard.owns_lock()) continue;
                        ++entered;
                        expected.fetch_add(1);
                        if (k % 16 == 0) sleep(10us);
                    } catch (const cancelled&) {
                        return;
                    }
            });
        for (std::size_t i = 0; i < 3; ++i) {
            sleep(200us);
            all.cancel(i);
        }
        all.join();
        EXPECT_EQ(entered, expected.load());
        EXPECT_TRUE(one.try_lock());
        one.unlock();
    });
}

TEST_P(mutex_of_fibers, ExcludesFibersOfOtherRuntimes) {
    mutex one;
    int entered = 0;
    const auto work = [&] {
        for (int k = 0; k < 3000; ++k) {
            const std::lock_guard guard(one);
            ++entered;
        }
    };
    runtime here({.workers = GetParam()});
    runtime there({.workers = GetParam()});
    std::vector<fiber<void>> all;
    for (int i = 0; i < 3; ++i) {
        all.push_back(here.go(work));
        all.push_back(there.go(work));
    }
    work();
    for (auto& each : all) each.join();
    EXPECT_EQ(entered, 7 * 3000);
}

} // namespace
} // namespace weft::test
