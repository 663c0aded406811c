// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <weft/waiting/park.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr wait_reason for_the_gate{"the gate of a test", true};

// The smallest thing to wait for: lets through as many as it was told to, the rest queue up.
class gate {
public:
    wake_cause pass(clock::time_point deadline = never) {
        cancellation_point();
        waiter& me = this_waiter();
        wait_node node(me, 0);
        {
            const std::lock_guard guard(lock_);
            if (open_ > 0) {
                --open_;
                return wake_cause::first_case;
            }
            node.epoch = me.arm(for_the_gate);
            queue_.push(node);
            ++queued_;
        }
        const wake_cause cause = park(deadline);
        if (cause != wake_cause::first_case) {
            const std::lock_guard guard(lock_);
            queue_.withdraw(node);
            --queued_;
        }
        if (cause == wake_cause::cancelled) throw_cancelled();
        return cause;
    }
    void let_one_through() {
        waiter* who = nullptr;
        {
            const std::lock_guard guard(lock_);
            who = queue_.claim_front();
            (who == nullptr ? open_ : queued_) += who == nullptr ? 1 : -1;
        }
        if (who != nullptr) who->wake();
    }

    int queued() {
        const std::lock_guard guard(lock_);
        return queued_;
    }

private:
    spin_lock lock_;
    wait_queue queue_;
    int open_ = 0;
    int queued_ = 0;
};

using park_ = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, park_, test::all_worker_counts(), test::workers_name);

TEST_P(park_, PingPongLosesNoWakeup) {
    run([] {
        gate ping;
        gate pong;
        auto other = go([&] {
            for (int i = 0; i < 20000; ++i) {
                ping.pass();
                pong.let_one_through();
            }
        });
        for (int i = 0; i < 20000; ++i) {
            ping.let_one_through();
            pong.pass();
        }
        other.join();
    });
}

TEST_P(park_, ThreadsAndFibersWaitForEachOther) {
    run([] {
        gate ping;
        gate pong;
        std::thread other([&] {
            for (int i = 0; i < 2000; ++i) {
                ping.pass();
                pong.let_one_through();
            }
        });
        for (int i = 0; i < 2000; ++i) {
            ping.let_one_through();
            pong.pass();
        }
        other.join();
    });
}

TEST_P(park_, FirstComeFirstServed) {
    run([] {
        gate door;
        std::vector<int> order;
        std::vector<fiber<void>> all;
        for (int i = 0; i < 10; ++i) {
            all.push_back(go([&, i] {
                door.pass();
                order.push_back(i);
                door.let_one_through();
            }));
            while (door.queued() != i + 1) yield();
        }
        door.let_one_through();
        for (auto& f : all) f.join();
        EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
    });
}

TEST_P(park_, EveryPermitIsUsedExactlyOnce) {
    run([] {
        gate door;
        constexpr int passes = 20000;
        std::atomic<int> passed{0};
        std::vector<fiber<void>> all;
        for (int i = 0; i < 20; ++i)
            all.push_back(go([&] {
                for (int k = 0; k < passes / 20; ++k) {
                    door.pass();
                    passed.fetch_add(1, std::memory_order_relaxed);
                }
            }));
        for (int i = 0; i < 4; ++i)
            all.push_back(go([&] {
                for (int k = 0; k < passes / 4; ++k) {
                    door.let_one_through();
                    if (k % 64 == 0) yield();
                }
            }));
        for (auto& f : all) f.join();
        EXPECT_EQ(passed.load(), passes);
    });
}

// Three ways a wait may end, all at once: what was let through plus what gave up is what tried, and nobody hangs.
TEST_P(park_, WakeupsDeadlinesAndCancellationsRace) {
    run([] {
        gate door;
        std::atomic<int> through{0};
        std::atomic<int> late{0};
        std::atomic<int> stopped{0};
        std::atomic<bool> end{false};
        auto opener = go([&] {
            while (!end.load()) {
                door.let_one_through();
                sleep(3us);
            }
        });
        constexpr int tries = 4000;
        std::vector<fiber<void>> all;
        for (int i = 0; i < tries; ++i) {
            all.push_back(go([&, i] {
                try {
                    const auto cause = door.pass(clock::now() + std::chrono::microseconds(i % 30));
                    (cause == wake_cause::first_case ? through : late).fetch_add(1);
                } catch (const cancelled&) {
                    stopped.fetch_add(1);
                }
            }));
            if (i % 3 == 0) all[static_cast<std::size_t>(i) / 2].cancel();
            if (i % 16 == 0) yield();
        }
        for (auto& f : all) f.join();
        end.store(true);
        opener.join();
        EXPECT_EQ(through.load() + late.load() + stopped.load(), tries);
    });
}

TEST_P(park_, SleepersWakeInTheOrderOfTheirDeadlines) {
    run([] {
        std::mutex order_lock;
        std::vector<int> order;
        std::vector<fiber<void>> all;
        const clock::time_point start = clock::now() + 30ms;
        for (int i = 0; i < 20; ++i)
            all.push_back(go([&, i] {
                sleep_until(start + std::chrono::milliseconds(2 * (i * 7 % 20)));
                EXPECT_GE(clock::now(), start + std::chrono::milliseconds(2 * (i * 7 % 20)));
                const std::lock_guard guard(order_lock);
                order.push_back(i * 7 % 20);
            }));
        for (auto& f : all) f.join();
        if (GetParam() == 1) {
            EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
        }
        EXPECT_EQ(order.size(), 20U);
    });
}

TEST_P(park_, SleepOfZeroOrLessReturnsAtOnce) {
    run([] {
        sleep(0ns);
        sleep(-1h);
        sleep_until(clock::time_point::min());
        sleep_until(clock::now());
    });
    sleep(1us); // on a plain thread
}

TEST_P(park_, TimerArmedWhileTheOthersSleepLongIsNotMissed) {
    run([] {
        auto long_sleeper = go([] { sleep(24h); });
        for (int i = 0; i < 200; ++i) go([] { sleep(100us); }).join();
        long_sleeper.cancel();
    });
}

// The worker that fell asleep in the poller had published when the first timer would fire, found that timer gone and slept
// without limit; a timer armed later than the published time then interrupted nobody.
TEST_P(park_, SleepsOfMicrosecondsOnManyWorkersAllEnd) {
    run([] {
        std::vector<fiber<void>> all;
        for (int i = 0; i < 8; ++i)
            all.push_back(go([i] {
                for (int k = 0; k < 1000; ++k) {
                    sleep(std::chrono::microseconds(1 + (i * 7 + k) % 20));
                    if (k % 8 == 0) go([] { yield(); }).join();
                }
            }));
        for (auto& f : all) f.join();
    });
}

} // namespace
} // namespace weft
