// SPDX-License-Identifier: BSL-1.0
#include "scheduler/idle_set.hpp"

#include <gtest/gtest.h>

namespace weft {
namespace {

class IdleSet : public ::testing::Test {
protected:
    static constexpr unsigned workers = 4;
    static constexpr auto nobody_polls = [](unsigned) { return false; };

    IdleSet() {
        for (unsigned i = 0; i < workers; ++i) set_.join();
    }
    // Whoever calls this as it is itself not searching learns whether anybody is.
    bool anybody_searches() {
        if (!set_.begin_search()) return true;
        return !set_.end_search();
    }
    void all_sleep() {
        for (unsigned i = 0; i < workers; ++i) set_.announce_sleep(i, false);
    }

    idle_set set_{workers + 1};
};

TEST_F(IdleSet, HalfOfThoseAwakeMaySearch) {
    EXPECT_TRUE(set_.begin_search());
    EXPECT_TRUE(set_.begin_search());
    EXPECT_FALSE(set_.begin_search());
    set_.announce_sleep(3, false);
    set_.announce_sleep(2, false);
    EXPECT_FALSE(set_.end_search());
    EXPECT_FALSE(set_.begin_search()) << "one of two searches";
    EXPECT_TRUE(set_.end_search()) << "the last that searched";
    EXPECT_TRUE(set_.begin_search());
}

TEST_F(IdleSet, TheOnlyWorkerAwakeMaySearch) {
    for (const unsigned worker : {1U, 2U, 3U}) set_.announce_sleep(worker, false);
    EXPECT_TRUE(set_.begin_search());
}

TEST_F(IdleSet, LastSearcherLooksAgain) {
    set_.begin_search();
    set_.begin_search();
    EXPECT_FALSE(set_.announce_sleep(0, true)) << "another one still searches";
    EXPECT_TRUE(set_.announce_sleep(1, true));
    EXPECT_TRUE(set_.announce_sleep(2, false)) << "nobody searches that would look in its stead";
    set_.begin_search();
    EXPECT_EQ(set_.awake(), 1U);
}

TEST_F(IdleSet, WhoSleepsBesideASearcherNeedNotLookAgain) {
    set_.begin_search();
    EXPECT_FALSE(set_.announce_sleep(1, false));
}

TEST_F(IdleSet, NobodyIsWokenWhereNobodySleeps) {
    EXPECT_EQ(set_.take_sleeper(nobody_polls), idle_set::none);
}

TEST_F(IdleSet, NobodyIsWokenBesideASearcher) {
    set_.announce_sleep(3, false);
    set_.begin_search();
    EXPECT_EQ(set_.take_sleeper(nobody_polls), idle_set::none);
    set_.end_search();
    EXPECT_EQ(set_.take_sleeper(nobody_polls), 3);
}

TEST_F(IdleSet, WokenWorkerCountsAsSearching) {
    all_sleep();
    EXPECT_EQ(set_.awake(), 0U);
    EXPECT_EQ(set_.sleeping_approx(), 4U);
    EXPECT_EQ(set_.take_sleeper(nobody_polls), 3) << "whoever fell asleep last";
    EXPECT_EQ(set_.awake(), 1U);
    EXPECT_EQ(set_.sleeping_approx(), 3U);
    EXPECT_EQ(set_.take_sleeper(nobody_polls), idle_set::none) << "one at a time";
    EXPECT_TRUE(set_.end_search());
    EXPECT_EQ(set_.take_sleeper(nobody_polls), 2);
}

TEST_F(IdleSet, TheOneThatPollsIsWokenLast) {
    all_sleep();
    const auto three_polls = [](unsigned worker) { return worker == 3; };
    for (const int expected : {2, 1, 0, 3}) {
        EXPECT_EQ(set_.take_sleeper(three_polls), expected);
        set_.end_search();
    }
    EXPECT_EQ(set_.take_sleeper(three_polls), idle_set::none);
}

TEST_F(IdleSet, GivenWorkerIsTakenOutOnce) {
    all_sleep();
    EXPECT_TRUE(set_.take(1));
    EXPECT_TRUE(anybody_searches());
    EXPECT_FALSE(set_.take(1));
    EXPECT_EQ(set_.awake(), 1U);
    set_.end_search();
    EXPECT_FALSE(anybody_searches());
    for (const int expected : {3, 2, 0}) {
        EXPECT_EQ(set_.take_sleeper(nobody_polls), expected);
        set_.end_search();
    }
}

TEST_F(IdleSet, CountsReturnToWhatTheyWere) {
    for (int round = 0; round < 100'000; ++round) {
        const bool searching = set_.begin_search();
        set_.announce_sleep(0, searching);
        EXPECT_EQ(set_.awake(), workers - 1);
        if (round % 2 == 0)
            EXPECT_TRUE(set_.take(0));
        else
            EXPECT_EQ(set_.take_sleeper(nobody_polls), 0);
        EXPECT_TRUE(set_.end_search());
    }
    EXPECT_EQ(set_.awake(), workers);
    EXPECT_FALSE(anybody_searches());
}

TEST_F(IdleSet, SpareJoinsAndLeaves) {
    set_.join();
    EXPECT_EQ(set_.awake(), workers + 1);
    set_.leave();
    EXPECT_EQ(set_.awake(), workers);
}

} // namespace
} // namespace weft
