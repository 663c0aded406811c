// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;

using task_group_ = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, task_group_, test::all_worker_counts(), test::workers_name);

std::string text_of(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& thrown) {
        return thrown.what();
    }
}

TEST_P(task_group_, WaitsForAll) {
    run([] {
        std::atomic<int> done{0};
        task_group group;
        group.wait();
        for (int i = 0; i < 100; ++i)
            group.go([&] {
                yield();
                ++done;
            });
        group.go({.name = "named"}, [&] { EXPECT_EQ(this_fiber::name(), "named"); });
        group.wait();
        EXPECT_EQ(done.load(), 100);
        group.go([&] { ++done; });
        group.wait();
        EXPECT_EQ(done.load(), 101);
    });
}

TEST_P(task_group_, TasksMayStartOthers) {
    run([] {
        std::atomic<int> done{0};
        task_group group;
        struct tree {
            static void grow(task_group& into, std::atomic<int>& count, int depth) {
                ++count;
                if (depth == 0) return;
                for (int i = 0; i < 2; ++i) into.go([&into, &count, depth] { grow(into, count, depth - 1); });
            }
        };
        tree::grow(group, done, 8);
        group.wait();
        EXPECT_EQ(done.load(), (1 << 9) - 1);
    });
}

TEST_P(task_group_, TheFirstFailureCancelsTheOthersAndIsRethrown) {
    run([] {
        std::atomic<int> stopped{0};
        task_group group;
        for (int i = 0; i < 10; ++i)
            group.go([&] {
                try {
                    sleep(24h);
                } catch (const cancelled& why) {
                    EXPECT_STREQ(why.what(), "broken");
                    EXPECT_NE(why.cause(), nullptr);
                    ++stopped;
                    throw;
                }
            });
        group.go([] {
            yield();
            throw std::runtime_error("broken");
        });
        try {
            group.wait();
            ADD_FAILURE() << "nothing thrown";
        } catch (const std::runtime_error& error) {
            EXPECT_STREQ(error.what(), "broken");
        }
        EXPECT_LE(stopped.load(), 10); // those that had begun
        EXPECT_TRUE(group.errors().empty());
        EXPECT_TRUE(group.token().stop_requested());
        EXPECT_NO_THROW(group.wait());
    });
}

TEST_P(task_group_, KeepsTheOtherFailures) {
    run([] {
        const channel<unit> start(0);
        task_group group;
        for (int i = 0; i < 4; ++i)
            group.go([&] {
                shield([&] { start.recv(); });
                throw std::runtime_error("one of them");
            });
        start.close();
        EXPECT_THROW(group.wait(), std::runtime_error);
        ASSERT_EQ(group.errors().size(), 3U);
        for (const auto& each : group.errors()) EXPECT_EQ(text_of(each), "one of them");
    });
}

TEST_P(task_group_, AfterItsOwnCancelWaitReturns) {
    run([] {
        task_group group;
        for (int i = 0; i < 10; ++i) group.go([] { sleep(24h); });
        group.cancel();
        EXPECT_NO_THROW(group.wait());
        EXPECT_TRUE(group.errors().empty());
    });
}

TEST_P(task_group_, ATasksOwnTimeoutIsAFailure) {
    run([] {
        task_group group;
        group.go([] { with_timeout(1ms, [] { sleep(24h); }); });
        group.go([] { sleep(24h); });
        EXPECT_THROW(group.wait(), timed_out);
        EXPECT_TRUE(group.errors().empty());
    });
}

TEST_P(task_group_, DestroyedItCancelsAndJoins) {
    run([] {
        std::atomic<int> ended{0};
        const channel<unit> begun(10);
        {
            task_group group;
            for (int i = 0; i < 10; ++i)
                group.go([&] {
                    struct counts {
                        std::atomic<int>& count;
                        ~counts() { ++count; }
                    } const at_end{ended};
                    begun.send({});
                    sleep(24h);
                });
            for (int i = 0; i < 10; ++i) begun.recv();
        }
        EXPECT_EQ(ended.load(), 10);
    });
}

TEST_P(task_group_, DestroyedByAnExceptionItCancelsAndJoins) {
    run([] {
        std::atomic<bool> ended{false};
        try {
            task_group group;
            const channel<unit> begun(0);
            group.go([&] {
                begun.close();
                try {
                    sleep(24h);
                } catch (const cancelled&) {
                    ended.store(true);
                }
            });
            begun.recv();
            throw std::runtime_error("on");
        } catch (const std::runtime_error&) {}
        EXPECT_TRUE(ended.load());
    });
}

TEST(task_group_lost, AFailureThatNobodyWaitedForIsReported) {
    std::string lost;
    weft::run(
        [] {
            task_group group;
            group.go([] { throw std::runtime_error("lost"); });
            while (!group.token().stop_requested()) yield();
        },
        {.workers = 1, .on_unhandled = [&](const fiber_info&, const std::exception_ptr& error) {
             lost = text_of(error);
         }});
    EXPECT_EQ(lost, "lost");
}

TEST_P(task_group_, NeverRunsMoreThanItsLimit) {
    run([] {
        std::atomic<int> running{0};
        std::atomic<int> most{0};
        std::atomic<int> done{0};
        task_group group{{.limit = 3}};
        for (int i = 0; i < 50; ++i)
            group.go([&] {
                const int now = ++running;
                int seen = most.load();
                while (seen < now && !most.compare_exchange_weak(seen, now)) continue;
                yield();
                --running;
                ++done;
            });
        group.wait();
        EXPECT_EQ(done.load(), 50);
        EXPECT_LE(most.load(), 3);
    });
}

TEST_P(task_group_, WaitingForAPlaceIsACancellationPoint) {
    run([] {
        const cancel_source source;
        const channel<unit> release(0);
        auto f = go([&] {
            task_group group{{.limit = 1}};
            const cancel_scope scope{source.token()};
            group.go([&] { shield([&] { release.recv(); }); });
            group.go([] { ADD_FAILURE(); });
        });
        yield();
        source.cancel();
        release.close();
        EXPECT_THROW(f.join(), cancelled);
    });
}

// --- what is around it

TEST_P(task_group_, IsCancelledWithTheScopeItWasMadeIn) {
    run([] {
        const cancel_source source;
        std::atomic<int> stopped{0};
        auto f = go([&] {
            const cancel_scope scope{source.token()};
            task_group group;
            for (int i = 0; i < 5; ++i)
                group.go([&] {
                    try {
                        sleep(24h);
                    } catch (const cancelled& why) {
                        EXPECT_STREQ(why.what(), "around");
                        ++stopped;
                        throw;
                    }
                });
            // Not in wait: the tasks are cancelled all the same.
            shield([&] {
                while (stopped.load() != 5) yield();
            });
            group.wait();
        });
        for (int i = 0; i < 10; ++i) yield();
        source.cancel("around");
        EXPECT_THROW(f.join(), cancelled);
        EXPECT_EQ(stopped.load(), 5);
    });
}

TEST_P(task_group_, IsCancelledWithTheFiberThatMadeIt) {
    run([] {
        const channel<unit> begun(0);
        std::atomic<int> stopped{0};
        auto f = go([&] {
            task_group group;
            group.go([&] {
                begun.close();
                try {
                    sleep(24h);
                } catch (const cancelled&) {
                    ++stopped;
                    throw;
                }
            });
            group.wait();
        });
        begun.recv();
        f.cancel();
        EXPECT_THROW(f.join(), cancelled);
        EXPECT_EQ(stopped.load(), 1);
    });
}

TEST_P(task_group_, ADeadlineAroundItHoldsForItsTasks) {
    run([] {
        std::atomic<int> late{0};
        EXPECT_THROW(with_timeout(2ms,
                         [&] {
                             task_group group;
                             for (int i = 0; i < 5; ++i)
                                 group.go([&] {
                                     try {
                                         sleep(24h);
                                     } catch (const cancelled&) {
                                         ++late;
                                         throw;
                                     }
                                 });
                             group.wait();
                         }),
            timed_out);
        EXPECT_LE(late.load(), 5);
    });
}

TEST_P(task_group_, MadeInAShieldItIsShielded) {
    run([] {
        const cancel_source source;
        const cancel_scope scope{source.token()};
        int done = 0;
        shield([&] {
            task_group group;
            source.cancel();
            group.go([&] {
                yield();
                ++done;
            });
            group.wait();
        });
        EXPECT_EQ(done, 1);
    });
}

TEST_P(task_group_, MadeUnderAFiredTokenItIsCancelledAtOnce) {
    run([] {
        const cancel_source source;
        source.cancel();
        const cancel_scope scope{source.token()};
        task_group group;
        EXPECT_TRUE(group.token().stop_requested());
    });
}

TEST_P(task_group_, OutlivesTheScopeItWasMadeIn) {
    run([] {
        const cancel_source source;
        std::unique_ptr<task_group> group;
        {
            const cancel_scope scope{source.token()};
            group = std::make_unique<task_group>();
        }
        source.cancel();
        EXPECT_FALSE(group->token().stop_requested());
        group->go([] { yield(); });
        group->wait();
    });
}

TEST_P(task_group_, OutlivesTheFiberThatMadeIt) {
    run([] {
        std::unique_ptr<task_group> group = go([] { return std::make_unique<task_group>(); }).join();
        int done = 0;
        group->go([&] { ++done; });
        group->wait();
        EXPECT_EQ(done, 1);
    });
}

TEST_P(task_group_, ACancelledWaitJoinsAllTheSame) {
    run([] {
        std::atomic<int> ended{0};
        const channel<unit> begun(0);
        auto f = go([&] {
            task_group group;
            for (int i = 0; i < 5; ++i)
                group.go([&] {
                    begun.send({});
                    try {
                        sleep(24h);
                    } catch (const cancelled&) {}
                    shield([] { sleep(1ms); });
                    ++ended;
                });
            group.go([&] {
                begun.send({});
                try {
                    sleep(24h);
                } catch (const cancelled&) {}
                throw std::runtime_error("while ending");
            });
            try {
                group.wait();
            } catch (const cancelled&) {
                EXPECT_EQ(ended.load(), 5);
                EXPECT_EQ(group.errors().size(), 1U);
                throw;
            }
        });
        for (int i = 0; i < 6; ++i) begun.recv();
        f.cancel();
        EXPECT_THROW(f.join(), cancelled);
    });
}

TEST_P(task_group_, NestsDeeply) {
    run([] {
        struct level {
            static void down(int depth, std::atomic<int>& stopped) {
                task_group group;
                group.go({.stack_size = 32 * 1024}, [&, depth] {
                    if (depth == 0) {
                        try {
                            sleep(24h);
                        } catch (const cancelled&) {
                            ++stopped;
                            throw;
                        }
                    }
                    down(depth - 1, stopped);
                });
                group.wait();
            }
        };
        std::atomic<int> stopped{0};
        auto f = go([&] { level::down(300, stopped); });
        while (test::living_fibers() < 303) yield();
        f.cancel();
        EXPECT_THROW(f.join(), cancelled);
        EXPECT_LE(stopped.load(), 1);
    });
}

TEST_P(task_group_, ManyTasks) {
    const int count = sanitized_address || sanitized_thread ? 20'000 : 1'000'000;
    run([&] {
        std::atomic<int> done{0};
        task_group group{{.limit = 1000}};
        for (int i = 0; i < count; ++i) group.go([&] { done.fetch_add(1, std::memory_order_relaxed); });
        group.wait();
        EXPECT_EQ(done.load(), count);
    });
}

TEST(task_group_of_a_thread, Works) {
    std::atomic<int> done{0};
    task_group group;
    for (int i = 0; i < 10; ++i) group.go([&] { ++done; });
    group.wait();
    EXPECT_EQ(done.load(), 10);
    task_group failing;
    failing.go([] { throw std::runtime_error("from a fiber"); });
    EXPECT_THROW(failing.wait(), std::runtime_error);
}

// Failures, cancellations from outside and ends race: nothing is lost, nothing hangs, nothing is left.
TEST_P(task_group_, SurvivesFailureInjection) {
    const int rounds = sanitized_address || sanitized_thread ? 100 : 500;
    run([&] {
        std::atomic<int> alive{0};
        for (int round = 0; round < rounds; ++round) {
            const cancel_source source;
            auto canceller = go([&] {
                for (int i = 0; i < round % 11; ++i) yield();
                if (round % 3 == 0) source.cancel();
            });
            int failures = 0;
            bool ended_normally = false;
            try {
                const cancel_scope scope{source.token()};
                task_group group;
                for (int i = 0; i < 20; ++i)
                    group.go([&, i] {
                        struct counts {
                            std::atomic<int>& count;
                            explicit counts(std::atomic<int>& of) : count(of) { ++count; }
                            ~counts() { --count; }
                        } const here(alive);
                        for (int k = 0; k < i % 4; ++k) yield();
                        if (round % 2 == 0 && i % 7 == round % 7) throw std::runtime_error("injected");
                    });
                group.wait();
                ended_normally = true;
            } catch (const std::runtime_error&) {
                ++failures;
            } catch (const cancelled&) {}
            EXPECT_EQ(alive.load(), 0);
            if (round % 2 != 0) {
                EXPECT_EQ(failures, 0);
            }
            if (round % 2 == 0 && round % 3 != 0) {
                EXPECT_FALSE(ended_normally);
            }
            canceller.join();
        }
    });
}

} // namespace
} // namespace weft
