// SPDX-License-Identifier: BSL-1.0
#include "sync/sync_test.hpp"

#include <cstddef>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace weft::test {
namespace {

using latch_ = synchronised;
INSTANTIATE_TEST_SUITE_P(Settings, latch_, ::testing::ValuesIn(all_settings), name_of_setting);
using latch_of_fibers = mixed;
INSTANTIATE_TEST_SUITE_P(Workers, latch_of_fibers, all_worker_counts(), workers_name);

TEST_P(latch_, OpensAtZeroAndStaysOpen) {
    run([] {
        latch three(3);
        three.count_down();
        three.count_down(0);
        EXPECT_FALSE(three.try_wait());
        EXPECT_FALSE(three.wait_for(1ms));
        EXPECT_FALSE(three.wait_until(std::chrono::steady_clock::now()));
        three.count_down(2);
        EXPECT_TRUE(three.try_wait());
        three.wait();
        EXPECT_TRUE(three.wait_until(clock::time_point::min()));
        const latch open(0);
        open.wait();
    });
}

TEST_P(latch_, MisuseThrowsWithTheNumbers) {
    run([] {
        EXPECT_TRUE(contains(message_of<std::invalid_argument>([] { latch negative(-1); }), "-1"));
        latch two(2);
        const std::string text = message_of<std::logic_error>([&] { two.count_down(3); });
        EXPECT_TRUE(contains(text, "count_down(3)"));
        EXPECT_TRUE(contains(text, "2 left"));
        EXPECT_THROW(two.count_down(-1), std::logic_error);
        EXPECT_THROW(two.count_down(std::numeric_limits<std::ptrdiff_t>::min()), std::logic_error);
        two.count_down(2);
        EXPECT_THROW(two.count_down(), std::logic_error);
    });
}

TEST_P(latch_, LetsAllGoThatWait) {
    run([] {
        latch one(1);
        int data = 0;
        lookout waiting[3];
        actors others;
        for (auto& each : waiting) {
            others.start([&] {
                each.about_to_wait();
                one.wait();
                EXPECT_EQ(data, 1);
            });
            each.until_it_waits();
        }
        data = 1;
        one.count_down();
    });
}

TEST_P(latch_, ArriveAndWaitMeets) {
    run([] {
        for (int round = 0; round < 100; ++round) {
            latch all(4);
            std::vector<int> data(4);
            actors others;
            for (std::size_t i = 0; i < 4; ++i)
                others.start([&, i] {
                    data[i] = 1;
                    all.arrive_and_wait();
                    EXPECT_EQ(data, (std::vector<int>{1, 1, 1, 1}));
                });
            others.join();
        }
    });
}

TEST_P(latch_, MayBeDestroyedAfterWait) {
    run([] {
        for (int round = 0; round < 300; ++round) {
            auto all = std::make_unique<latch>(3);
            actors others;
            for (int i = 0; i < 3; ++i) others.start([of = all.get()] { of->count_down(); });
            if (round % 2 == 0)
                all->wait();
            else
                wait_until([&] { return all->try_wait(); });
            all.reset();
        }
    });
}

TEST_P(latch_of_fibers, CancelledWaitLeavesItsArrivalCounted) {
    run([] {
        latch two(2);
        lookout waiting;
        auto leaving = go([&] {
            waiting.about_to_wait();
            two.arrive_and_wait();
        });
        waiting.until_it_waits();
        leaving.cancel();
        EXPECT_THROW(leaving.join(), cancelled);
        two.count_down();
        two.wait();

        latch one(1);
        auto too_late = go([&] {
            until_cancelled();
            EXPECT_THROW(one.arrive_and_wait(), cancelled);
        });
        too_late.cancel();
        too_late.join();
        EXPECT_TRUE(one.try_wait());
    });
}

} // namespace
} // namespace weft::test
