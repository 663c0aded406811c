// SPDX-License-Identifier: BSL-1.0
#include "sync/sync_test.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace weft::test {
namespace {

using condition = synchronised;
INSTANTIATE_TEST_SUITE_P(Settings, condition, ::testing::ValuesIn(all_settings), name_of_setting);
using condition_of_fibers = mixed;
INSTANTIATE_TEST_SUITE_P(Workers, condition_of_fibers, all_worker_counts(), workers_name);

TEST_P(condition, NotificationOfNobodyIsLost) {
    run([] {
        mutex lock;
        condition_variable changed;
        changed.notify_one();
        changed.notify_all();
        std::unique_lock guard(lock);
        EXPECT_EQ(changed.wait_for(guard, 1ms), std::cv_status::timeout);
        EXPECT_TRUE(guard.owns_lock());
        EXPECT_FALSE(lock.try_lock());
    });
}

TEST_P(condition, NotifyOneWakesInTurn) {
    run([] {
        mutex lock;
        condition_variable changed;
        std::vector<int> order;
        std::deque<lookout> waiting(6);
        actors others;
        for (int i = 0; i < 6; ++i) {
            others.start([&, i] {
                std::unique_lock guard(lock);
                waiting[static_cast<std::size_t>(i)].about_to_wait();
                changed.wait(guard);
                order.push_back(i);
            });
            waiting[static_cast<std::size_t>(i)].until_it_waits();
        }
        for (std::size_t i = 0; i < 6; ++i) {
            changed.notify_one();
            wait_until([&] {
                const std::lock_guard guard(lock);
                return order.size() == i + 1;
            });
        }
        others.join();
        EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5}));
    });
}

TEST_P(condition, NotifyAllWakesAll) {
    run([] {
        mutex lock;
        condition_variable changed;
        bool open = false;
        std::deque<lookout> waiting(6);
        actors others;
        for (auto& each : waiting) {
            others.start([&] {
                std::unique_lock guard(lock);
                each.about_to_wait();
                changed.wait(guard, [&] { return open; });
                EXPECT_TRUE(open);
            });
            each.until_it_waits();
        }
        {
            const std::lock_guard guard(lock);
            open = true;
            changed.notify_all();
        }
    });
}

TEST_P(condition, PredicateThatHoldsDoesNotWait) {
    run([] {
        mutex lock;
        condition_variable changed;
        std::unique_lock guard(lock);
        const auto yes = [] { return true; };
        const auto no = [] { return false; };
        changed.wait(guard, yes);
        EXPECT_TRUE(changed.wait_for(guard, 1h, yes));
        EXPECT_FALSE(changed.wait_for(guard, 1ms, no));
        EXPECT_FALSE(changed.wait_until(guard, clock::time_point::min(), no));
        EXPECT_FALSE(changed.wait_until(guard, std::chrono::steady_clock::now() + 1ms, no));
        EXPECT_TRUE(guard.owns_lock());
    });
}

TEST_P(condition, TimedWaitIsNotified) {
    run([] {
        mutex lock;
        condition_variable changed;
        lookout other;
        actors others;
        others.start([&] {
            std::unique_lock guard(lock);
            other.about_to_wait();
            EXPECT_EQ(changed.wait_until(guard, clock::now() + 24h), std::cv_status::no_timeout);
        });
        other.until_it_waits();
        changed.notify_one();
    });
}

TEST_P(condition, WaitWithoutTheLockThrows) {
    run([] {
        mutex lock;
        condition_variable changed;
        std::unique_lock nothing(lock, std::defer_lock);
        EXPECT_THROW(changed.wait(nothing), std::system_error);
        std::unique_lock never_locked(lock, std::adopt_lock); // a lie
        EXPECT_THROW(changed.wait(never_locked), std::logic_error);
        never_locked.release();
        // It has left the queue.
        std::unique_lock guard(lock);
        EXPECT_EQ(changed.wait_for(guard, 1ms), std::cv_status::timeout);
    });
}

TEST_P(condition, WorksWithOtherLocks) {
    run([] {
        shared_mutex lock;
        condition_variable changed;
        lookout other;
        actors others;
        others.start([&] {
            std::shared_lock guard(lock);
            other.about_to_wait();
            changed.wait(guard);
        });
        other.until_it_waits();
        const std::lock_guard guard(lock);
        changed.notify_all();
    });
}

TEST_P(condition_of_fibers, CancelledWaitHoldsTheLockWhenItThrows) {
    run([] {
        mutex lock;
        condition_variable changed;
        lookout waiting;
        auto leaving = go([&] {
            std::unique_lock guard(lock);
            try {
                waiting.about_to_wait();
                changed.wait(guard, [] { return false; });
                ADD_FAILURE() << "not cancelled";
            } catch (const cancelled&) {
                EXPECT_TRUE(guard.owns_lock());
                EXPECT_FALSE(lock.try_lock());
                EXPECT_THROW(changed.wait(guard), cancelled); // at once
                EXPECT_TRUE(guard.owns_lock());
                throw;
            }
        });
        waiting.until_it_waits();
        std::unique_lock guard(lock); // so it has to wait for that, too
        leaving.cancel();
        for (int i = 0; i < 10; ++i) yield();
        guard.unlock();
        EXPECT_THROW(leaving.join(), cancelled);
        EXPECT_TRUE(lock.try_lock());
        lock.unlock();
    });
}

TEST_P(condition_of_fibers, CancelledWaiterUsesUpNoNotification) {
    run([] {
        mutex lock;
        condition_variable changed;
        lookout first;
        lookout second;
        const auto wait_once = [&](lookout& seen) {
            std::unique_lock guard(lock);
            seen.about_to_wait();
            changed.wait(guard);
        };
        auto leaving = go([&] { wait_once(first); });
        first.until_it_waits();
        auto staying = go([&] { wait_once(second); });
        second.until_it_waits();
        leaving.cancel();
        changed.notify_one();
        // Either the first one was cancelled before, or it was notified and nobody else was.
        bool was_cancelled = false;
        try {
            leaving.join();
        } catch (const cancelled&) {
            was_cancelled = true;
        }
        if (!was_cancelled) changed.notify_one();
        staying.join();
    });
}

TEST_P(condition_of_fibers, BoundedBufferLosesNothing) {
    run([] {
        mutex lock;
        condition_variable not_empty;
        condition_variable not_full;
        std::deque<int> buffer;
        long long sum = 0;
        constexpr int producers = 5;
        constexpr int each = 1000;
        crew all(crew_of::both);
        for (int i = 0; i < producers; ++i) {
            all.start([&] {
                for (int k = 1; k <= each; ++k) {
                    std::unique_lock guard(lock);
                    not_full.wait(guard, [&] { return buffer.size() < 3; });
                    buffer.push_back(k);
                    not_empty.notify_one();
                }
            });
            all.start([&] {
                for (int k = 0; k < each; ++k) {
                    std::unique_lock guard(lock);
                    while (!not_empty.wait_for(guard, 50us, [&] { return !buffer.empty(); })) {}
                    sum += buffer.front();
                    buffer.pop_front();
                    not_full.notify_one();
                }
            });
        }
        all.join();
        EXPECT_EQ(sum, 1LL * producers * each * (each + 1) / 2);
    });
}

} // namespace
} // namespace weft::test
