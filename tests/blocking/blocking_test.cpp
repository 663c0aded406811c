// SPDX-License-Identifier: BSL-1.0
#include "blocking/blocking_pool.hpp"
#include "scheduler/scheduler.hpp"
#include "support/fibers_test.hpp"

#include <algorithm>
#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <semaphore>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;

using blocking_ = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, blocking_, test::all_worker_counts(), test::workers_name);

TEST_P(blocking_, GivesTheResultOfAnyKind) {
    run([] {
        int here = 1;
        EXPECT_EQ(blocking([] { return 7; }), 7);
        EXPECT_EQ(*blocking([] { return std::make_unique<int>(8); }), 8);
        static_assert(std::is_same_v<decltype(blocking([&]() -> int& { return here; })), int&>);
        EXPECT_EQ(&blocking([&]() -> int& { return here; }), &here);
        static_assert(std::is_void_v<decltype(blocking([] {}))>);
        blocking([&] { ++here; });
        EXPECT_EQ(here, 2);
        const auto only_moved = [value = std::make_unique<int>(9)] { return *value; };
        EXPECT_EQ(blocking([only = std::make_unique<int>(9)] { return *only; }), *std::make_unique<int>(9));
        EXPECT_EQ(only_moved(), 9);
    });
}

TEST_P(blocking_, RethrowsWhatTheCallThrew) {
    run([] {
        EXPECT_THROW(blocking([] { throw std::runtime_error("on a helper"); }), std::runtime_error);
        EXPECT_THROW(blocking([]() -> int { throw 1; }), int);
    });
}

TEST_P(blocking_, RunsOnAnotherThreadThatIsNoWorker) {
    run([] {
        const auto helper = blocking([] {
            EXPECT_FALSE(this_fiber::in_fiber());
            return std::this_thread::get_id();
        });
        EXPECT_NE(helper, std::this_thread::get_id());
    });
}

TEST_P(blocking_, OtherFibersGoOnMeanwhile) {
    run([&] {
        // As many calls as there are workers and more, all waiting for fibers that run meanwhile.
        std::vector<fiber<void>> callers;
        std::counting_semaphore<> let_go(0);
        for (unsigned i = 0; i < 2 * GetParam(); ++i)
            callers.push_back(go([&] { blocking([&] { let_go.acquire(); }); }));
        std::vector<fiber<void>> others;
        for (int i = 0; i < 100; ++i) others.push_back(go([] { yield(); }));
        for (auto& each : others) each.join();
        let_go.release(2 * GetParam());
        for (auto& each : callers) each.join();
    });
}

TEST_P(blocking_, ItsCallsMayUseChannelsAndStartFibers) {
    run([] {
        const channel<int> values(0);
        runtime* const mine = runtime::current();
        auto receiver = go([&] { return values.recv().value_or(0); });
        blocking([&] {
            values.send(5);
            EXPECT_EQ(go([] { return runtime::current(); }).join(), mine);
            EXPECT_EQ(blocking([] { return 6; }), 6); // on the same thread
        });
        EXPECT_EQ(receiver.join(), 5);
    });
}

TEST(blocking_of_a_thread, CallsItDirectly) {
    EXPECT_EQ(blocking([] { return std::this_thread::get_id(); }), std::this_thread::get_id());
}

TEST(blocking_limit, NeverRunsMoreThanTheCapAndBeginsInOrder) {
    weft::run(
        [] {
            std::atomic<int> running{0};
            std::atomic<int> most{0};
            std::mutex lock;
            std::vector<int> order;
            std::latch first_two(2);
            std::vector<fiber<void>> callers;
            for (int i = 0; i < 10; ++i) {
                callers.push_back(go([&, i] {
                    blocking([&, i] {
                        {
                            const std::lock_guard guard(lock);
                            order.push_back(i);
                        }
                        most.store(std::max(most.load(), ++running));
                        if (i < 2) first_two.arrive_and_wait();
                        --running;
                    });
                }));
                yield(); // one worker: it has handed the call over
            }
            for (auto& each : callers) each.join();
            EXPECT_EQ(most.load(), 2);
            EXPECT_EQ(order.size(), 10U);
            // Two begin at a time, so a neighbour may be first; no call overtakes the one before the last.
            for (std::size_t i = 0; i < order.size(); ++i) EXPECT_NEAR(order[i], static_cast<int>(i), 1);
        },
        {.workers = 1, .max_blocking_threads = 2});
}

TEST(blocking_pool_, GrowsAsCallsWaitAndShrinksWhenIdle) {
    weft::run(
        [] {
            scheduler& home = *scheduler::current();
            blocking_pool pool(home, 8, 1ms);
            class call_of_a_latch final : public detail::blocking_call {
            public:
                explicit call_of_a_latch(std::latch& of) : of_(of) {}

            private:
                void call() noexcept override { of_.arrive_and_wait(); }
                std::latch& of_;
            };
            std::latch together(6);
            for (int i = 0; i < 5; ++i)
                pool.submit(counted_ref<detail::blocking_call>(new call_of_a_latch(together)));
            EXPECT_EQ(pool.threads(), 5U);
            EXPECT_TRUE(pool.busy());
            together.arrive_and_wait();
            while (pool.threads() != 0) yield();
            EXPECT_FALSE(pool.busy());
            std::latch again(1);
            pool.submit(counted_ref<detail::blocking_call>(new call_of_a_latch(again)));
            EXPECT_EQ(pool.finish(clock::now() + 1h), 0U);
        },
        {.workers = 1});
}

TEST_P(blocking_, ReusesAnIdleThread) {
    run([] {
        // A helper wakes its caller before it is idle, so a call may meet none that is, but not for ever.
        std::set<std::thread::id> seen;
        while (seen.insert(blocking([] { return std::this_thread::get_id(); })).second) continue;
    });
}

// --- cancellation

TEST_P(blocking_, ACancelledCallThatRunsGoesOnAndItsResultIsDropped) {
    run([] {
        const auto counted_value = std::make_shared<int>(1);
        const auto begun = std::make_shared<std::binary_semaphore>(0);
        const auto let_go = std::make_shared<std::binary_semaphore>(0);
        const channel<unit> handed_over(0);
        auto caller = go([&] {
            return blocking([counted_value, begun, let_go] {
                begun->release();
                let_go->acquire();
                return counted_value;
            });
        });
        blocking([&] { begun->acquire(); });
        caller.cancel();
        EXPECT_THROW(caller.join(), cancelled);
        EXPECT_GT(counted_value.use_count(), 1);
        EXPECT_TRUE(scheduler::current()->blocking.busy());
        let_go->release();
        while (counted_value.use_count() != 1) yield();
    });
}

TEST(blocking_cancel, ACallThatHasNotBegunNeverDoes) {
    weft::run(
        [] {
            std::binary_semaphore begun(0);
            std::binary_semaphore let_go(0);
            auto first = go([&] {
                blocking([&] {
                    begun.release();
                    let_go.acquire();
                });
            });
            while (!begun.try_acquire()) yield();
            const auto held = std::make_shared<int>(0);
            auto second = go([&] { blocking([held] { ADD_FAILURE() << "was called"; }); });
            yield();
            second.cancel();
            EXPECT_THROW(second.join(), cancelled);
            EXPECT_EQ(held.use_count(), 1);
            let_go.release();
            first.join();
        },
        {.workers = 1, .max_blocking_threads = 1});
}

TEST_P(blocking_, InAShieldItIsWaitedFor) {
    run([] {
        std::binary_semaphore let_go(0);
        const channel<unit> ready(0);
        auto caller = go([&] {
            const int got = shield([&] {
                ready.close();
                return blocking([&] {
                    let_go.acquire();
                    return 4;
                });
            });
            EXPECT_THROW(yield(), cancelled);
            return got;
        });
        ready.recv();
        caller.cancel();
        let_go.release();
        EXPECT_EQ(caller.join(), 4);
    });
}

TEST_P(blocking_, CancellationRacesWithCompletion) {
    const int rounds = sanitized_address || sanitized_thread ? 500 : 3000;
    run([&] {
        const auto held = std::make_shared<int>(0);
        int got = 0;
        int refused = 0;
        for (int i = 0; i < rounds; ++i) {
            auto caller = go([held] { return blocking([held] { return held; }); });
            for (int k = 0; k < i % 5; ++k) yield();
            caller.cancel();
            try {
                EXPECT_EQ(caller.join(), held);
                ++got;
            } catch (const cancelled&) {
                ++refused;
            }
        }
        EXPECT_EQ(got + refused, rounds);
        while (held.use_count() != 1) yield();
    });
}

// --- the end, and the deadlock report

TEST(blocking_shutdown, DropsWhatIsQueuedAndWaitsForWhatRuns) {
    std::atomic<int> ended{0};
    const auto held = std::make_shared<int>(0);
    std::binary_semaphore begun(0);
    std::binary_semaphore let_go(0);
    weft::run(
        [&] {
            go([&] {
                blocking([&] {
                    begun.release();
                    let_go.acquire();
                    ++ended;
                });
            }).detach();
            while (!begun.try_acquire()) yield();
            go([&] {
                try {
                    blocking([&, held] { ADD_FAILURE() << "was called"; });
                } catch (const cancelled&) {
                    let_go.release(); // the shutdown has begun, and waits for the first call
                    throw;
                }
            }).detach();
            yield();
        },
        {.workers = 1, .max_blocking_threads = 1});
    EXPECT_EQ(ended.load(), 1);
    EXPECT_EQ(held.use_count(), 1);
}

TEST(blocking_shutdown, OfACallThatDoesNotReturnIsReported) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(weft::run(
                     [] {
                         static std::binary_semaphore begun(0);
                         go([] {
                             blocking([] {
                                 begun.release();
                                 std::binary_semaphore(0).acquire();
                             });
                         }).detach();
                         while (!begun.try_acquire()) yield();
                     },
                     {.workers = 1, .shutdown_timeout = 50ms}),
        "shutdown: 1 blocking calls did not return");
}

TEST(blocking_shutdown, EndsTheFibersThatACallStarted) {
    std::atomic<int> ended{0};
    weft::run(
        [&] {
            const auto begun = std::make_shared<std::binary_semaphore>(0);
            const auto let_go = std::make_shared<std::binary_semaphore>(0);
            go([&ended, begun, let_go] {
                try {
                    blocking([&ended, begun, let_go] {
                        begun->release();
                        let_go->acquire();
                        go([&ended] {
                            EXPECT_THROW(sleep(24h), cancelled);
                            ++ended;
                        }).detach();
                    });
                } catch (const cancelled&) {
                    let_go->release();
                    throw;
                }
            }).detach();
            while (!begun->try_acquire()) yield();
        },
        {.workers = 1});
    EXPECT_EQ(ended.load(), 1);
}

TEST(blocking_deadlock, IsReportedThoughAnAbandonedCallEndedLast) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(weft::run(
                    [] {
                        static std::binary_semaphore begun(0);
                        static std::binary_semaphore let_go(0);
                        auto caller = go([] {
                            blocking([] {
                                begun.release();
                                let_go.acquire();
                            });
                        });
                        while (!begun.try_acquire()) yield();
                        caller.cancel();
                        EXPECT_THROW(caller.join(), cancelled);
                        go([] {
                            for (int i = 0; i < 100; ++i) yield();
                            let_go.release();
                        }).detach();
                        channel<int>(0).recv();
                    },
                    {.workers = 1}),
        ::testing::ExitedWithCode(2), "all fibers are asleep - deadlock!");
}

TEST(blocking_deadlock, AnAbandonedCallMayStillWakeSomebody) {
    weft::run(
        [] {
            const channel<int> values(0);
            const auto begun = std::make_shared<std::binary_semaphore>(0);
            const auto go_on = std::make_shared<std::binary_semaphore>(0);
            auto caller = go([=] {
                blocking([=] {
                    begun->release();
                    go_on->acquire();
                    values.send(1);
                });
            });
            while (!begun->try_acquire()) yield();
            caller.cancel();
            EXPECT_THROW(caller.join(), cancelled);
            go_on->release();
            EXPECT_EQ(values.recv(), 1); // nobody but the helper can send
        },
        {.workers = 1});
}

// Every worker runs into a call that blocks its thread, without blocking(); the rest goes on.
TEST_P(blocking_, WithoutItTenThousandFibersStillProgress) {
    ::testing::internal::CaptureStderr();
    run([&] {
        std::atomic<unsigned> inside{0};
        const channel<unit> all_inside(0);
        std::latch all_done(10'000);
        std::vector<fiber<void>> stuck;
        for (unsigned i = 0; i < GetParam(); ++i)
            stuck.push_back(go([&] {
                if (++inside == GetParam()) all_inside.close();
                all_done.wait();
            }));
        std::vector<fiber<void>> others;
        for (int i = 0; i < 10'000; ++i)
            others.push_back(go([&] {
                all_inside.recv();
                all_done.count_down();
            }));
        for (auto& each : stuck) each.join();
        for (auto& each : others) each.join();
    });
    EXPECT_NE(::testing::internal::GetCapturedStderr().find("has been stuck for"), std::string::npos);
}

} // namespace
} // namespace weft
