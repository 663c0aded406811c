// SPDX-License-Identifier: BSL-1.0
#include "fiber/stack_cache.hpp"

#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace weft {
namespace {

class StackCache : public ::testing::Test {
protected:
    std::vector<stack_slot> take(std::size_t count) {
        std::vector<stack_slot> taken(count);
        for (stack_slot& slot : taken) slot = cache_.take();
        return taken;
    }
    void give_back(const std::vector<stack_slot>& slots) {
        for (const stack_slot& slot : slots) cache_.give_back(slot);
    }
    void TearDown() override {
        cache_.flush();
        const std::size_t free = pool_.stats().free;
        EXPECT_EQ(free, pool_.stats().cut);
        std::vector<stack_slot> all(free);
        all.resize(pool_.take_batch(all));
        std::set<std::byte*> different;
        for (const stack_slot& slot : all) different.insert(slot.low);
        EXPECT_EQ(different.size(), all.size());
        pool_.give_back_batch(all);
    }

    stack_pool pool_{{}};
    stack_cache cache_{pool_};
};

TEST_F(StackCache, TakesABatchFromThePool) {
    const auto first = take(1);
    EXPECT_EQ(pool_.stats().cut, 32U);
    EXPECT_EQ(cache_.size(), 31U);
    const auto rest = take(31);
    EXPECT_EQ(pool_.stats().cut, 32U);
    const auto one_more = take(1);
    EXPECT_EQ(pool_.stats().cut, 64U);
    give_back(first);
    give_back(rest);
    give_back(one_more);
}

TEST_F(StackCache, LastGivenBackIsTakenFirst) {
    const auto taken = take(3);
    give_back(taken);
    EXPECT_EQ(cache_.take().low, taken[2].low);
    EXPECT_EQ(cache_.take().low, taken[1].low);
    EXPECT_EQ(cache_.take().low, taken[0].low);
    give_back(taken);
}

TEST_F(StackCache, TheColdestOfAFullOneGoToThePool) {
    auto taken = take(96);
    EXPECT_EQ(cache_.size(), 0U);
    const stack_slot last = taken.back();
    taken.pop_back();
    for (std::size_t i = 0; i < 64; ++i) cache_.give_back(taken[i]);
    EXPECT_EQ(cache_.size(), 64U);
    EXPECT_EQ(pool_.stats().free, 0U);
    cache_.give_back(taken[64]);
    EXPECT_EQ(cache_.size(), 33U);
    EXPECT_EQ(pool_.stats().free, 32U);

    std::set<std::byte*> coldest;
    for (std::size_t i = 0; i < 32; ++i) coldest.insert(taken[i].low);
    std::vector<stack_slot> from_pool(32);
    ASSERT_EQ(pool_.take_batch(from_pool), 32U);
    for (const stack_slot& slot : from_pool) EXPECT_EQ(coldest.count(slot.low), 1U);
    EXPECT_EQ(from_pool.back().low, taken[31].low);
    EXPECT_EQ(cache_.take().low, taken[64].low);

    pool_.give_back_batch(from_pool);
    for (std::size_t i = 64; i < taken.size(); ++i) cache_.give_back(taken[i]);
    cache_.give_back(last);
}

TEST_F(StackCache, GoesToThePoolOnceInABatchAtEitherEnd) {
    const auto taken = take(96);
    give_back(taken);
    const std::size_t free = pool_.stats().free;
    for (int i = 0; i < 20; ++i) give_back(take(1 + i % 16));
    EXPECT_EQ(pool_.stats().free, free);
}

TEST_F(StackCache, FlushGivesAllToThePool) {
    give_back(take(40));
    cache_.flush();
    EXPECT_EQ(cache_.size(), 0U);
    EXPECT_EQ(pool_.stats().free, 64U);
    cache_.flush();
    give_back(take(1));
    EXPECT_EQ(pool_.stats().cut, 64U);
}

TEST_F(StackCache, ItsEndGivesAllToThePool) {
    {
        stack_cache other(pool_);
        other.give_back(other.take());
    }
    EXPECT_EQ(pool_.stats().free, 32U);
}

TEST_F(StackCache, HandsOtherSizesToThePool) {
    const stack_slot large = pool_.take(1 << 20);
    const std::size_t free = pool_.stats().free;
    cache_.give_back(large);
    EXPECT_EQ(cache_.size(), 0U);
    EXPECT_EQ(pool_.stats().free, free + 1);
}

TEST_F(StackCache, RemembersThatAStackWasUsed) {
    stack_slot slot = cache_.take();
    EXPECT_FALSE(slot.used);
    slot.used = true;
    cache_.give_back(slot);
    cache_.flush();
    const stack_slot again = pool_.take(0);
    EXPECT_EQ(again.low, slot.low);
    EXPECT_TRUE(again.used);
    pool_.give_back(again);
}

} // namespace
} // namespace weft
