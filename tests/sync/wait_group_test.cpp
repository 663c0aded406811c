// SPDX-License-Identifier: BSL-1.0
#include "sync/sync_test.hpp"

#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

namespace weft::test {
namespace {

using wait_group_ = synchronised;
INSTANTIATE_TEST_SUITE_P(Settings, wait_group_, ::testing::ValuesIn(all_settings), name_of_setting);
using wait_group_of_fibers = mixed;
INSTANTIATE_TEST_SUITE_P(Workers, wait_group_of_fibers, all_worker_counts(), workers_name);

TEST_P(wait_group_, WaitOfNothingReturns) {
    run([] {
        wait_group none;
        none.wait();
        EXPECT_TRUE(none.wait_for(-1s));
        none.add(0);
        none.add(2);
        none.add(-2);
        none.wait();
    });
}

TEST_P(wait_group_, WaitSeesAllThatWasDone) {
    run([] {
        std::vector<int> results(20);
        wait_group all;
        actors others;
        for (int round = 0; round < 20; ++round) {
            all.add(20);
            for (int i = 0; i < 20; ++i)
                others.start([&, i] {
                    ++results[static_cast<std::size_t>(i)];
                    all.done();
                });
            all.wait();
            for (const int each : results) EXPECT_EQ(each, round + 1);
            others.join();
        }
    });
}

TEST_P(wait_group_, LetsAllGoThatWait) {
    run([] {
        wait_group one;
        one.add();
        lookout waiting[3];
        actors others;
        for (auto& each : waiting) {
            others.start([&] {
                each.about_to_wait();
                one.wait();
            });
            each.until_it_waits();
        }
        one.add();
        one.done();
        for (const auto& each : waiting) EXPECT_TRUE(each.waits());
        one.done();
    });
}

TEST_P(wait_group_, NegativeCounterThrowsWithItsValue) {
    run([] {
        wait_group all;
        EXPECT_TRUE(contains(message_of<std::logic_error>([&] { all.done(); }), "the counter at 0"));
        all.add(3);
        const std::string text = message_of<std::logic_error>([&] { all.add(-4); });
        EXPECT_TRUE(contains(text, "add(-4)"));
        EXPECT_TRUE(contains(text, "the counter at 3"));
        EXPECT_THROW(all.add(std::numeric_limits<std::ptrdiff_t>::max()), std::logic_error);
        all.add(-3); // it was as before
        all.wait();
    });
}

// Let go, but not yet back: the counter may not be used again.
TEST(wait_group_on_one_worker, ReuseBeforeWaitReturnedThrows) {
    weft::run(
        [] {
            wait_group group;
            group.add();
            lookout waiting;
            auto other = go([&] {
                waiting.about_to_wait();
                group.wait();
            });
            waiting.until_it_waits();
            group.done();
            // One worker: it has not run since.
            EXPECT_TRUE(contains(message_of<std::logic_error>([&] { group.add(); }), "the counter at 0"));
            other.join();
            group.add(); // it has returned
            group.done();
            group.wait();
        },
        {.workers = 1});
}

TEST_P(wait_group_, DeadlinePasses) {
    run([] {
        wait_group one;
        one.add();
        EXPECT_FALSE(one.wait_for(1ms));
        EXPECT_FALSE(one.wait_until(clock::time_point::min()));
        EXPECT_FALSE(one.wait_until(std::chrono::steady_clock::now() + 1ms));
        one.done();
        EXPECT_TRUE(one.wait_until(clock::time_point::min()));
        one.add(); // nobody is inside
        one.done();
    });
}

TEST_P(wait_group_, MayBeDestroyedAfterWait) {
    run([] {
        for (int round = 0; round < 300; ++round) {
            auto group = std::make_unique<wait_group>();
            group->add(3);
            actors others;
            for (int i = 0; i < 3; ++i) others.start([of = group.get()] { of->done(); });
            group->wait();
            group.reset();
        }
    });
}

TEST_P(wait_group_of_fibers, GoCountsUntilTheEnd) {
    run([] {
        std::atomic<int> ended{0};
        struct counts_its_end {
            std::atomic<int>* count;
            explicit counts_its_end(std::atomic<int>& of) : count(&of) {}
            counts_its_end(const counts_its_end&) = delete;
            counts_its_end& operator=(const counts_its_end&) = delete;
            ~counts_its_end() { count->fetch_add(1); }
        };
        wait_group all;
        for (int i = 0; i < 50; ++i) all.go([own = std::make_unique<counts_its_end>(ended)] { yield(); });
        all.go({.name = "named"}, [&] { EXPECT_EQ(this_fiber::name(), "named"); });
        all.wait();
        EXPECT_EQ(ended.load(), 50); // the functions have been destroyed, too
    });
}

TEST_P(wait_group_of_fibers, GoThatCannotStartCountsNothing) {
    run([] {
        struct throws_on_copy {
            throws_on_copy() = default;
            throws_on_copy(const throws_on_copy&) { throw std::runtime_error("no copy"); }
            void operator()() const {}
        };
        wait_group all;
        const throws_on_copy function;
        EXPECT_THROW(all.go(function), std::runtime_error);
        EXPECT_TRUE(all.wait_for(0s));
    });
}

TEST_P(wait_group_of_fibers, GoCountsDownAfterTheHandlerOfWhatLeftIt) {
    std::atomic<bool> handled{false};
    std::string name;
    options with;
    with.workers = GetParam();
    with.on_unhandled = [&](const fiber_info& who, std::exception_ptr) {
        for (int i = 0; i < 10; ++i) yield();
        name = who.name;
        handled.store(true);
    };
    weft::run(
        [&] {
            wait_group all;
            all.go({.name = "thrower"}, [] { throw std::runtime_error("left"); });
            all.wait();
            EXPECT_TRUE(handled.load());
            EXPECT_EQ(name, "thrower");
        },
        with);
}

using wait_group_death = mixed;
INSTANTIATE_TEST_SUITE_P(Workers, wait_group_death, ::testing::Values(2U), workers_name);

TEST_P(wait_group_death, GoEndsTheProgramWithoutAHandler) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(weft::run([] {
        wait_group all;
        all.go({.name = "thrower"}, [] { throw std::runtime_error("left"); });
        all.wait();
        std::_Exit(0); // not to be reached
    }),
        "unhandled exception in fiber .*'thrower'.*left");
}

TEST_P(wait_group_of_fibers, CancelledGoEndsQuietly) {
    lookout waiting;
    wait_group all;
    weft::run(
        [&] {
            all.go([&] {
                waiting.about_to_wait();
                sleep(24h);
            });
            waiting.until_it_waits();
        },
        {.workers = GetParam()}); // the shutdown cancels it
    all.wait();
}

TEST_P(wait_group_of_fibers, CancelledWaiterLeavesItWhole) {
    run([] {
        wait_group one;
        one.add();
        lookout first;
        lookout second;
        auto leaving = go([&] {
            first.about_to_wait();
            one.wait();
        });
        first.until_it_waits();
        auto staying = go([&] {
            second.about_to_wait();
            one.wait();
        });
        second.until_it_waits();
        leaving.cancel();
        EXPECT_THROW(leaving.join(), cancelled);
        one.done();
        staying.join();
        auto too_late = go([&] {
            until_cancelled();
            EXPECT_THROW(one.wait(), cancelled); // though there is nothing to wait for
        });
        too_late.cancel();
        too_late.join();
        one.add();
        one.done();
    });
}

TEST_P(wait_group_of_fibers, CountsExactly) {
    run([] {
        for (int round = 0; round < 20; ++round) {
            wait_group all;
            std::atomic<int> begun{0};
            crew crowd(crew_of::both);
            all.add(10);
            for (int i = 0; i < 10; ++i)
                crowd.start([&] {
                    for (int k = 0; k < 20; ++k) {
                        all.add();
                        begun.fetch_add(1, std::memory_order_relaxed);
                        all.done();
                    }
                    all.done();
                });
            all.wait();
            EXPECT_EQ(begun.load(std::memory_order_relaxed), 200);
            crowd.join();
        }
    });
}

} // namespace
} // namespace weft::test
