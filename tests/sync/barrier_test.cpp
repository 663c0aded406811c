// SPDX-License-Identifier: BSL-1.0
#include "sync/sync_test.hpp"

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weft::test {
namespace {

using barrier_ = synchronised;
INSTANTIATE_TEST_SUITE_P(Settings, barrier_, ::testing::ValuesIn(all_settings), name_of_setting);
using barrier_of_fibers = mixed;
INSTANTIATE_TEST_SUITE_P(Workers, barrier_of_fibers, all_worker_counts(), workers_name);

TEST_P(barrier_, PhasesFollowEachOther) {
    run([] {
        constexpr int count = 4;
        constexpr int rounds = 200;
        int completed = 0;
        std::vector<int> at(count);
        barrier all(count, [&]() noexcept { ++completed; });
        actors others;
        for (std::size_t i = 0; i < count; ++i)
            others.start([&, i] {
                for (int k = 1; k <= rounds; ++k) {
                    at[i] = k;
                    all.arrive_and_wait();
                    EXPECT_EQ(completed, 2 * k - 1);
                    EXPECT_EQ(at, (std::vector<int>(count, k)));
                    all.arrive_and_wait();
                }
            });
        others.join();
        EXPECT_EQ(completed, 2 * rounds);
    });
}

TEST_P(barrier_, ArriveDoesNotWait) {
    run([] {
        int completed = 0;
        barrier two(2, [&]() noexcept { ++completed; });
        auto first = two.arrive();
        EXPECT_EQ(completed, 0);
        auto second = two.arrive();
        EXPECT_EQ(completed, 1);
        two.wait(std::move(first));
        two.wait(std::move(second));
        two.wait(two.arrive(2));
        EXPECT_EQ(completed, 2);
    });
}

TEST_P(barrier_, WhoDropsIsExpectedNoMore) {
    run([] {
        barrier all(3);
        lookout waiting;
        actors others;
        others.start([&] {
            waiting.about_to_wait();
            all.arrive_and_wait();
            all.arrive_and_wait();
        });
        waiting.until_it_waits();
        all.arrive_and_drop();
        EXPECT_TRUE(waiting.waits());
        all.arrive_and_wait();
        all.arrive_and_wait(); // two are enough now
    });
}

TEST_P(barrier_, MisuseThrowsWithTheNumbers) {
    run([] {
        EXPECT_TRUE(contains(message_of<std::invalid_argument>([] { barrier<> negative(-1); }), "-1"));
        barrier two(2);
        const std::string text = message_of<std::logic_error>([&] { static_cast<void>(two.arrive(3)); });
        EXPECT_TRUE(contains(text, "arrive(3)"));
        EXPECT_TRUE(contains(text, "expects 2"));
        EXPECT_THROW(static_cast<void>(two.arrive(0)), std::logic_error);
        EXPECT_THROW(static_cast<void>(two.arrive(-1)), std::logic_error);
        two.arrive_and_drop();
        two.arrive_and_drop();
        EXPECT_THROW(two.arrive_and_drop(), std::logic_error); // nobody is expected any more
        barrier<> empty(0);
        EXPECT_THROW(static_cast<void>(empty.arrive()), std::logic_error);
    });
}

TEST_P(barrier_, MayBeDestroyedByTheOneWhoWaited) {
    run([] {
        for (int round = 0; round < 300; ++round) {
            auto two = std::make_unique<barrier<>>(2);
            actors others;
            others.start([of = two.get()] { of->arrive_and_drop(); });
            two->arrive_and_wait();
            two.reset();
        }
    });
}

TEST_P(barrier_of_fibers, CancelledWaitLeavesItsArrivalCounted) {
    run([] {
        barrier two(2);
        lookout waiting;
        auto leaving = go([&] {
            waiting.about_to_wait();
            two.arrive_and_wait();
        });
        waiting.until_it_waits();
        leaving.cancel();
        EXPECT_THROW(leaving.join(), cancelled);
        two.arrive_and_wait();

        auto too_late = go([&] {
            until_cancelled();
            EXPECT_THROW(two.arrive_and_wait(), cancelled);
        });
        too_late.cancel();
        too_late.join();
        two.arrive_and_wait();
    });
}

TEST_P(barrier_of_fibers, CompletionIsNotCancelled) {
    run([] {
        bool completed = false;
        barrier one(1, [&]() noexcept {
            sleep(1us);
            completed = true;
        });
        auto cancelled_one = go([&] {
            until_cancelled();
            EXPECT_THROW(one.arrive_and_wait(), cancelled);
        });
        cancelled_one.cancel();
        cancelled_one.join();
        EXPECT_TRUE(completed);
    });
}

TEST_P(barrier_of_fibers, FibersAndThreadsMeet) {
    run([] {
        constexpr int count = 6;
        constexpr int rounds = 100;
        long long completed = 0;
        long long sum = 0;
        mutex lock;
        barrier all(count, [&]() noexcept { ++completed; });
        crew crowd(crew_of::both);
        for (int i = 0; i < count; ++i)
            crowd.start([&] {
                for (int k = 0; k < rounds; ++k) {
                    all.arrive_and_wait();
                    const std::lock_guard guard(lock);
                    ++sum;
                }
            });
        crowd.join();
        EXPECT_EQ(completed, rounds);
        EXPECT_EQ(sum, count * rounds);
    });
}

} // namespace
} // namespace weft::test
