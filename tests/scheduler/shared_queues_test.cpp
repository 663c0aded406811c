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
    void add_fresh(std::size_t from, std::size_t to) {
        for (; from < to; from += many) queues_.add_fresh(list(from, std::min(from + many, to)));
    }
    fiber_list list(std::size_t from, std::size_t to) {
        fiber_list made;
        for (; from < to; ++from) made.push(fibers_[from]);
        return made;
    }
    static numbers range(std::uint64_t from, std::uint64_t to) {
        numbers all;
        for (; from < to; ++from) all.push_back(from);
        return all;
    }
    static numbers numbers_of(fiber_list list) {
        numbers all;
        while (const fiber_control* fiber = list.pop()) all.push_back(fiber->id);
        return all;
    }
    numbers take(std::size_t most = many, std::size_t workers = 1) {
        return numbers_of(queues_.take(most, workers));
    }
    static std::int64_t number_of(const fiber_control* fiber) {
        return fiber == nullptr ? -1 : static_cast<std::int64_t>(fiber->id);
    }
    std::int64_t take_one() { return number_of(queues_.take_one()); }
    std::int64_t take_oldest_fresh() { return number_of(queues_.take_oldest_fresh()); }

    static constexpr std::size_t count = 2000;
    std::unique_ptr<fiber_control[]> fibers_ = std::make_unique<fiber_control[]>(count);
    shared_queues queues_;
};

TEST_F(SharedQueues, InjectedComeFirstInFirstOut) {
    inject(0, 3);
    queues_.inject(list(3, 5));
    EXPECT_EQ(take(), range(0, 5));
    EXPECT_EQ(take(), numbers{});
}

TEST_F(SharedQueues, EachWorkerTakesItsShareOfTheInjected) {
    inject(0, 10);
    EXPECT_EQ(take(many, 4), (numbers{0, 1, 2})) << "10 / 4, and one more so that a single fiber is taken";
    EXPECT_EQ(take(many, 4), (numbers{3, 4}));
    EXPECT_EQ(take(2, 1), (numbers{5, 6})) << "no more than asked for";
    EXPECT_EQ(take(many, 100), numbers{7});
}

TEST_F(SharedQueues, NewestFreshBatchIsTakenFirst) {
    add_fresh(0, 300);
    EXPECT_EQ(take(), range(256, 300)) << "one batch at a time, in its own order";
    EXPECT_EQ(take(100), range(128, 228));
    EXPECT_EQ(take(), range(228, 256)) << "what is left of a batch stays one";
    EXPECT_EQ(take(), range(0, 128));
    EXPECT_EQ(take(), numbers{});
}

TEST_F(SharedQueues, InjectedAndFreshAreTakenInTurn) {
    inject(0, 4);
    add_fresh(10, 14);
    EXPECT_EQ(take(1), numbers{0});
    EXPECT_EQ(take(2), (numbers{10, 11}));
    EXPECT_EQ(take(1), numbers{1});
    EXPECT_EQ(take(), (numbers{12, 13}));
    EXPECT_EQ(take(), (numbers{2, 3}));
}

TEST_F(SharedQueues, OneComesFromEachQueueInTurn) {
    inject(0, 2);
    add_fresh(10, 13);
    for (const std::int64_t expected : {0, 10, 1, 11, 12, -1}) EXPECT_EQ(take_one(), expected);
}

TEST_F(SharedQueues, OneComesFromTheOtherQueueWhereOneIsEmpty) {
    inject(0, 2);
    for (const std::int64_t expected : {0, 1, -1}) EXPECT_EQ(take_one(), expected);
    add_fresh(10, 12);
    for (const std::int64_t expected : {10, 11, -1}) EXPECT_EQ(take_one(), expected);
}

TEST_F(SharedQueues, OneFreshComesFromTheNewestBatch) {
    add_fresh(0, 130);
    for (const std::int64_t expected : {128, 129, 0, 1}) EXPECT_EQ(take_one(), expected);
}

TEST_F(SharedQueues, OldestFreshIsGivenBeforeNewerBatches) {
    EXPECT_EQ(take_oldest_fresh(), -1);
    inject(500, 501);
    EXPECT_EQ(take_oldest_fresh(), -1) << "what is injected is another matter";
    add_fresh(0, 200);
    for (std::int64_t expected = 0; expected < 200; ++expected) EXPECT_EQ(take_oldest_fresh(), expected);
    EXPECT_EQ(take_oldest_fresh(), -1);
}

TEST_F(SharedQueues, EmptinessCountsBothQueues) {
    const auto empty = [this] {
        EXPECT_EQ(queues_.empty(), queues_.empty_approx());
        return queues_.empty();
    };
    EXPECT_TRUE(empty());
    inject(0, 1);
    EXPECT_FALSE(empty());
    EXPECT_FALSE(queues_.nothing_injected_approx());
    take();
    EXPECT_TRUE(empty());
    EXPECT_TRUE(queues_.nothing_injected_approx());
    add_fresh(0, 4);
    EXPECT_FALSE(empty());
    EXPECT_TRUE(queues_.nothing_injected_approx());
    queues_.inject(list(4, 6));
    EXPECT_EQ(take_oldest_fresh(), 0);
    EXPECT_EQ(take(), (numbers{4, 5}));
    EXPECT_TRUE(queues_.nothing_injected_approx());
    EXPECT_EQ(take_one(), 1);
    EXPECT_EQ(take(1), numbers{2});
    EXPECT_FALSE(empty());
    EXPECT_EQ(take(), numbers{3});
    EXPECT_TRUE(empty());
}

TEST_F(SharedQueues, EachIsTakenExactlyOnceByThreads) {
    constexpr std::size_t threads = 4;
    const auto taken = std::make_unique<std::atomic<int>[]>(count);
    std::atomic<std::size_t> left{count};
    const auto take_some = [&](std::size_t turn) {
        fiber_list found;
        if (turn % 3 != 0)
            found = queues_.take(7, threads);
        else if (fiber_control* fiber = turn % 2 == 0 ? queues_.take_one() : queues_.take_oldest_fresh())
            found.push(*fiber);
        while (const fiber_control* fiber = found.pop()) {
            taken[fiber->id].fetch_add(1, std::memory_order_relaxed);
            left.fetch_sub(1, std::memory_order_relaxed);
        }
    };
    std::vector<std::thread> all;
    for (std::size_t me = 0; me < threads; ++me)
        all.emplace_back([&, me] {
            for (std::size_t i = me * count / threads; i < (me + 1) * count / threads; i += 10) {
                add_fresh(i, i + 5);
                queues_.inject(list(i + 5, i + 10));
                take_some(i / 10);
            }
            for (std::size_t turn = 0; left.load(std::memory_order_relaxed) != 0; ++turn) {
                take_some(turn);
                std::this_thread::yield();
            }
        });
    for (auto& each : all) each.join();
    EXPECT_TRUE(
        std::all_of(taken.get(), taken.get() + count, [](const auto& times) { return times.load() == 1; }));
    EXPECT_TRUE(queues_.empty());
    EXPECT_TRUE(queues_.nothing_injected_approx());
}

} // namespace
} // namespace weft
