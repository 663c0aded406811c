// SPDX-License-Identifier: BSL-1.0
#include "scheduler/shared_queues.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weft {
namespace {

class SharedQueues : public ::testing::Test {
protected:
    using numbers = std::vector<std::uint64_t>;
    static constexpr std::size_t many = 128;

    SharedQueues() {
        for (std::size_t i = 0; i < count; ++i) fibers_[i].id = i;
    }
    void inject(std::size_t from, std::size_t to) {
        for (; from < to; ++from) queues_.inject(fibers_[from]);
    }
    fiber_list batch(std::size_t from, std::size_t to) {
        fiber_list made;
        for (; from < to; ++from) made.push(fibers_[from]);
        return made;
    }
    static numbers numbers_of(fiber_list list) {
        numbers all;
        while (const fiber_control* fiber = list.pop()) all.push_back(fiber->id);
        return all;
    }
    numbers take(std::size_t most = many, std::size_t workers = 1) {
        return numbers_of(queues_.take(most, workers));
    }
    std::int64_t oldest() {
        const fiber_control* fiber = queues_.take_oldest();
        return fiber == nullptr ? -1 : static_cast<std::int64_t>(fiber->id);
    }

    static constexpr std::size_t count = 1000;
    std::unique_ptr<fiber_control[]> fibers_ = std::make_unique<fiber_control[]>(count);
    shared_queues queues_;
};

TEST_F(SharedQueues, InjectedComeFirstInFirstOut) {
    inject(0, 3);
    queues_.inject(batch(3, 5));
    EXPECT_EQ(take(), (numbers{0, 1, 2, 3, 4}));
    EXPECT_EQ(take(), numbers{});
}

TEST_F(SharedQueues, EachWorkerTakesItsShareOfTheInjected) {
    inject(0, 10);
    EXPECT_EQ(take(many, 4), (numbers{0, 1, 2})) << "10 / 4, and one more so that a single fiber is taken";
    EXPECT_EQ(take(many, 4), (numbers{3, 4}));
    EXPECT_EQ(take(2, 1), (numbers{5, 6})) << "no more than asked for";
    EXPECT_EQ(take(many, 100), numbers{7});
}

TEST_F(SharedQueues, InjectedAreTakenBeforeFresh) {
    queues_.add_fresh(batch(10, 12));
    inject(0, 2);
    EXPECT_EQ(take(), (numbers{0, 1}));
    EXPECT_EQ(take(), (numbers{10, 11}));
}

TEST_F(SharedQueues, NewestFreshBatchIsTakenFirst) {
    queues_.add_fresh(batch(0, 3));
    queues_.add_fresh(batch(3, 6));
    queues_.add_fresh(batch(6, 9));
    EXPECT_EQ(take(), (numbers{6, 7, 8})) << "one batch at a time, in its own order";
    EXPECT_EQ(take(2), (numbers{3, 4}));
    EXPECT_EQ(take(2), numbers{5}) << "what is left of a batch stays one";
    EXPECT_EQ(take(), (numbers{0, 1, 2}));
    EXPECT_EQ(take(), numbers{});
}

TEST_F(SharedQueues, OldestComesFromEachQueueInTurn) {
    inject(0, 2);
    queues_.add_fresh(batch(10, 12));
    queues_.add_fresh(batch(20, 21));
    numbers found;
    for (std::int64_t id = oldest(); id >= 0; id = oldest()) found.push_back(static_cast<std::uint64_t>(id));
    EXPECT_EQ(found, (numbers{0, 10, 1, 11, 20}));
}

TEST_F(SharedQueues, OldestIsGivenThoughItIsTheOtherQueuesTurn) {
    inject(0, 3);
    EXPECT_EQ(oldest(), 0);
    EXPECT_EQ(oldest(), 1);
    EXPECT_EQ(oldest(), 2);
    EXPECT_EQ(oldest(), -1);
    queues_.add_fresh(batch(10, 12));
    EXPECT_EQ(oldest(), 10);
    EXPECT_EQ(oldest(), 11);
    EXPECT_EQ(oldest(), -1);
}

TEST_F(SharedQueues, EmptinessCountsBothQueues) {
    const auto empty = [this] {
        EXPECT_EQ(queues_.empty(), queues_.empty_approx());
        return queues_.empty();
    };
    EXPECT_TRUE(empty());
    inject(0, 1);
    EXPECT_FALSE(empty());
    take();
    EXPECT_TRUE(empty());
    queues_.add_fresh(batch(0, 4));
    queues_.inject(batch(4, 6));
    take();
    EXPECT_FALSE(empty());
    take(3);
    EXPECT_FALSE(empty());
    EXPECT_EQ(oldest(), 3);
    EXPECT_TRUE(empty());
}

TEST_F(SharedQueues, EachIsTakenExactlyOnceByThreads) {
    constexpr std::size_t threads = 4;
    const auto taken = std::make_unique<std::atomic<int>[]>(count);
    std::atomic<std::size_t> left{count};
    const auto take_some = [&](std::size_t turn) {
        fiber_list found;
        if (turn % 3 == 0) {
            if (fiber_control* fiber = queues_.take_oldest()) found.push(*fiber);
        } else {
            found = queues_.take(7, threads);
        }
        while (const fiber_control* fiber = found.pop()) {
            taken[fiber->id].fetch_add(1, std::memory_order_relaxed);
            left.fetch_sub(1, std::memory_order_relaxed);
        }
    };
    std::vector<std::thread> all;
    for (std::size_t me = 0; me < threads; ++me)
        all.emplace_back([&, me] {
            for (std::size_t i = me * count / threads; i < (me + 1) * count / threads; i += 5) {
                if (i % 2 == 0)
                    queues_.add_fresh(batch(i, i + 5));
                else
                    queues_.inject(batch(i, i + 5));
                take_some(i);
            }
            for (std::size_t turn = 0; left.load(std::memory_order_relaxed) != 0; ++turn) take_some(turn);
        });
    for (auto& each : all) each.join();
    EXPECT_TRUE(std::all_of(taken.get(), taken.get() + count, [](const auto& times) { return times.load() == 1; }));
    EXPECT_TRUE(queues_.empty());
}

}  // namespace
}  // namespace weft
