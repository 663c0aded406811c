// SPDX-License-Identifier: BSL-1.0
#include "fiber/fiber_control.hpp"

#include <weft/waiting/wait_queue.hpp>

#include <array>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace weft {
namespace {

constexpr wait_reason for_a_test{"the queue of a test", true};

class WaitQueue : public ::testing::Test {
protected:
    void push(std::size_t number, wake_cause which = wake_cause::first_case) {
        nodes_[number].emplace(waiters_[number], waiters_[number].arm(for_a_test), which);
        queue_.push(*nodes_[number]);
    }
    void push_all() {
        for (std::size_t i = 0; i < count; ++i) push(i);
    }
    int claim_front() {
        const waiter* who = queue_.claim_front();
        for (std::size_t i = 0; i < count; ++i)
            if (who == &waiters_[i]) return static_cast<int>(i);
        return -1;
    }
    std::vector<int> claim_all() {
        std::vector<int> all;
        for (int found = claim_front(); found >= 0; found = claim_front()) all.push_back(found);
        return all;
    }

    static constexpr std::size_t count = 4;
    std::array<fiber_control, count> waiters_;
    std::array<std::optional<wait_node>, count> nodes_;
    wait_queue queue_;
};

TEST_F(WaitQueue, FirstComeFirstServed) {
    EXPECT_TRUE(queue_.empty());
    EXPECT_EQ(queue_.claim_front(), nullptr);
    push_all();
    EXPECT_FALSE(queue_.empty());
    EXPECT_EQ(queue_.front(), &*nodes_[0]);
    EXPECT_EQ(claim_all(), (std::vector{0, 1, 2, 3}));
    EXPECT_TRUE(queue_.empty());
}

TEST_F(WaitQueue, WithdrawsFromEveryPlace) {
    for (std::size_t gone = 0; gone < count; ++gone) {
        push_all();
        queue_.withdraw(*nodes_[gone]);
        EXPECT_FALSE(nodes_[gone]->queued);
        std::vector<int> expected;
        for (std::size_t i = 0; i < count; ++i)
            if (i != gone) expected.push_back(static_cast<int>(i));
        EXPECT_EQ(claim_all(), expected);
    }
}

TEST_F(WaitQueue, QueueGoesOnAfterItsLastWasWithdrawn) {
    push(0);
    push(1);
    queue_.withdraw(*nodes_[1]);
    push(2);
    EXPECT_EQ(claim_all(), (std::vector{0, 2}));
    push(3);
    queue_.withdraw(*nodes_[3]);
    EXPECT_TRUE(queue_.empty());
    push(3);
    EXPECT_EQ(claim_all(), std::vector{3});
}

TEST_F(WaitQueue, WithdrawingTwiceIsHarmless) {
    push_all();
    queue_.withdraw(*nodes_[1]);
    queue_.withdraw(*nodes_[1]);
    EXPECT_EQ(claim_front(), 0);
    queue_.withdraw(*nodes_[0]);
    EXPECT_EQ(claim_all(), (std::vector{2, 3}));
}

TEST_F(WaitQueue, ClaimGivesTheCaseOfTheNode) {
    push(0, wake_cause{7});
    EXPECT_EQ(claim_front(), 0);
    EXPECT_EQ(waiters_[0].cause(), wake_cause{7});
    EXPECT_FALSE(nodes_[0]->queued);
}

TEST_F(WaitQueue, ClaimSkipsAndUnlinksWhoWasClaimedElsewhere) {
    push_all();
    waiters_[0].claim(nodes_[0]->epoch, wake_cause::deadline);
    waiters_[2].claim(nodes_[2]->epoch, wake_cause::cancelled);
    EXPECT_EQ(claim_front(), 1);
    EXPECT_FALSE(nodes_[0]->queued);
    EXPECT_EQ(waiters_[0].cause(), wake_cause::deadline);
    EXPECT_EQ(claim_front(), 3);
    EXPECT_TRUE(queue_.empty());
}

TEST_F(WaitQueue, ClaimSkipsNodesOfAnEarlierWait) {
    push(0);
    push(1);
    waiters_[0].claim(nodes_[0]->epoch, wake_cause::deadline);
    waiters_[0].arm(for_a_test);
    EXPECT_EQ(claim_all(), std::vector{1});
    EXPECT_EQ(waiters_[0].word() & waiter::claimed, 0U);
}

TEST_F(WaitQueue, NothingIsGivenIfAllAreStale) {
    push_all();
    for (std::size_t i = 0; i < count; ++i) waiters_[i].claim(nodes_[i]->epoch, wake_cause::deadline);
    EXPECT_EQ(queue_.claim_front(), nullptr);
    EXPECT_TRUE(queue_.empty());
}

// One waiter in two queues, as a select has it: the first that claims wins.
TEST_F(WaitQueue, WaiterInTwoQueuesIsClaimedOnce) {
    const wait_epoch epoch = waiters_[0].arm(for_a_test);
    wait_node here(waiters_[0], epoch, wake_cause{0});
    wait_node there(waiters_[0], epoch, wake_cause{1});
    wait_queue other;
    queue_.push(here);
    other.push(there);
    EXPECT_EQ(other.claim_front(), &waiters_[0]);
    EXPECT_EQ(queue_.claim_front(), nullptr);
    EXPECT_EQ(waiters_[0].cause(), wake_cause{1});
}

} // namespace
} // namespace weft
