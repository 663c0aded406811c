// SPDX-License-Identifier: BSL-1.0
#include "scheduler/run_queue.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weft {
namespace {

struct item {
    std::atomic<int> taken{0};
};
using queue = basic_run_queue<item, 256>;

constexpr std::uint32_t before_wrap = ~std::uint32_t{99};

// Run with counters that begin at 0, and just before they wrap.
class RunQueue : public ::testing::TestWithParam<std::uint32_t> {
protected:
    bool push(int index) { return queue_.push(&item_at(index), false); }
    void push_all(int from, int to) {
        for (int i = from; i < to; ++i) ASSERT_TRUE(push(i));
    }
    item& item_at(int index) { return items_[static_cast<std::size_t>(index)]; }
    int index_of(const item* found) { return found == nullptr ? -1 : static_cast<int>(found - items_.get()); }
    std::vector<int> drain(queue& from) {
        std::vector<int> all;
        while (const item* found = from.pop()) all.push_back(index_of(found));
        return all;
    }
    static std::vector<int> range(int from, int to) {
        std::vector<int> all;
        for (int i = from; i < to; ++i) all.push_back(i);
        return all;
    }

    std::unique_ptr<item[]> items_ = std::make_unique<item[]>(1000);
    queue queue_{GetParam()};
    queue thief_{GetParam() + 7};
};
INSTANTIATE_TEST_SUITE_P(From, RunQueue, ::testing::Values(0U, before_wrap));

TEST_P(RunQueue, FirstInIsFirstOut) {
    EXPECT_EQ(queue_.pop(), nullptr);
    push_all(0, 3);
    EXPECT_EQ(index_of(queue_.pop()), 0);
    push_all(3, 5);
    EXPECT_EQ(drain(queue_), range(1, 5));
    EXPECT_EQ(queue_.pop(), nullptr);
}

TEST_P(RunQueue, FullRingRefusesAndStaysAsItIs) {
    push_all(0, 256);
    EXPECT_FALSE(push(256));
    EXPECT_EQ(queue_.size_approx(), 256U);
    EXPECT_EQ(drain(queue_), range(0, 256));
}

TEST_P(RunQueue, OlderHalfIsTakenFromAFullRing) {
    push_all(0, 256);
    std::vector<int> moved;
    EXPECT_EQ(queue_.take_half([&](const item* each) { moved.push_back(index_of(each)); }), 128U);
    EXPECT_EQ(moved, range(0, 128));
    EXPECT_TRUE(push(256));
    EXPECT_EQ(drain(queue_), range(128, 257));
    EXPECT_EQ(queue_.take_half([](const item*) { FAIL(); }), 0U);
}

TEST_P(RunQueue, SlotsAreUsedAgainAndAgain) {
    push_all(0, 200);
    for (int i = 200; i < 1000; ++i) {
        EXPECT_EQ(index_of(queue_.pop()), i - 200);
        ASSERT_TRUE(push(i));
    }
    EXPECT_EQ(drain(queue_), range(800, 1000));
}

TEST_P(RunQueue, SizeAndEmptinessFollow) {
    EXPECT_TRUE(queue_.ring_empty());
    push_all(0, 150);
    EXPECT_FALSE(queue_.ring_empty());
    EXPECT_EQ(queue_.size_approx(), 150U);
    drain(queue_);
    EXPECT_TRUE(queue_.ring_empty());
    EXPECT_EQ(queue_.size_approx(), 0U);
}

TEST_P(RunQueue, RunNextGivesWhatItReplaces) {
    EXPECT_FALSE(queue_.has_next());
    EXPECT_EQ(queue_.take_next(), nullptr);
    EXPECT_EQ(queue_.set_next(&item_at(0)), nullptr);
    EXPECT_TRUE(queue_.has_next());
    EXPECT_EQ(index_of(queue_.set_next(&item_at(1))), 0);
    EXPECT_EQ(index_of(queue_.take_next()), 1);
    EXPECT_FALSE(queue_.has_next());
    EXPECT_TRUE(queue_.ring_empty()) << "the ring is another place";
}

TEST_P(RunQueue, RunNextCanBeStolen) {
    EXPECT_EQ(queue_.steal_next(), nullptr);
    queue_.set_next(&item_at(3));
    EXPECT_EQ(index_of(queue_.steal_next()), 3);
    EXPECT_EQ(queue_.take_next(), nullptr);
}

TEST_P(RunQueue, NothingIsStolenFromAnEmptyRing) {
    queue_.set_next(&item_at(0));
    EXPECT_EQ(queue_.steal(thief_), nullptr);
    EXPECT_TRUE(thief_.ring_empty());
}

TEST_P(RunQueue, TheOnlyOneIsStolenAndReturned) {
    push_all(0, 1);
    EXPECT_EQ(index_of(queue_.steal(thief_)), 0);
    EXPECT_TRUE(queue_.ring_empty());
    EXPECT_TRUE(thief_.ring_empty());
}

TEST_P(RunQueue, StealTakesTheOlderHalfRoundedUp) {
    for (const int size : {2, 3, 7, 100, 255, 256}) {
        push_all(0, size);
        const int half = (size + 1) / 2;
        EXPECT_EQ(index_of(queue_.steal(thief_)), half - 1);
        EXPECT_EQ(drain(thief_), range(0, half - 1)) << "of " << size;
        EXPECT_EQ(drain(queue_), range(half, size)) << "of " << size;
    }
}

// One owner pushes, pops and uses its run-next slot; thieves steal from it and from each other.
TEST_P(RunQueue, EachIsTakenExactlyOnceBesideThieves) {
    constexpr int count = 200'000, thieves = 3;
    items_ = std::make_unique<item[]>(count);
    std::vector<std::unique_ptr<queue>> rings;
    for (int i = 0; i < thieves; ++i) rings.push_back(std::make_unique<queue>(GetParam()));
    std::atomic<int> taken{0}, thieves_there{0};
    const auto take = [&](item* found) {
        if (found == nullptr) return false;
        found->taken.fetch_add(1, std::memory_order_relaxed);
        taken.fetch_add(1, std::memory_order_relaxed);
        return true;
    };
    const auto all_taken = [&] { return taken.load(std::memory_order_relaxed) >= count; };

    std::vector<std::thread> threads;
    for (std::size_t me = 0; me < thieves; ++me)
        threads.emplace_back([&, me] {
            queue& own = *rings[me];
            thieves_there.fetch_add(1);
            for (unsigned turn = 0; !all_taken(); ++turn) {
                if (take(own.pop())) continue;
                const bool got = take(queue_.steal(own)) || take(rings[(me + 1) % thieves]->steal(own)) ||
                    (turn % 4 == 0 && take(queue_.steal_next()));
                if (!got) std::this_thread::yield();
            }
        });
    unsigned full = 0;
    const auto push = [&](item& next) {
        while (!queue_.push(&next, true))
            if (++full % 8 == 0)
                queue_.take_half(take);
            else
                std::this_thread::yield();
    };
    while (thieves_there.load() != thieves) std::this_thread::yield();
    for (int i = 0; i < count; ++i) {
        if (i % 3 == 0) {
            if (item* displaced = queue_.set_next(&item_at(i))) push(*displaced);
        } else {
            push(item_at(i));
        }
        if (i % 5 == 0) take(queue_.pop());
        if (i % 7 == 0) take(queue_.take_next());
    }
    while (!all_taken())
        if (!take(queue_.take_next()) && !take(queue_.pop())) std::this_thread::yield();
    for (auto& each : threads) each.join();

    EXPECT_TRUE(std::all_of(
        items_.get(), items_.get() + count, [](const item& each) { return each.taken.load() == 1; }));
}

} // namespace
} // namespace weft
