// SPDX-License-Identifier: BSL-1.0
#include "fiber/stack_shelf.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace weft {
namespace {

// Stacks that exist as numbers only: units is the number.
class StackShelf : public ::testing::Test {
protected:
    void push(std::uint32_t from, std::uint32_t to, bool used = true) {
        shelf_.grow(shelf_.size() + to - from);
        for (; from < to; ++from) {
            stack_slot slot;
            slot.units = from;
            slot.used = used;
            shelf_.push({&slot, 1});
        }
    }
    using numbers = std::vector<std::uint32_t>;
    numbers first_of(std::size_t count, std::size_t (stack_shelf::*take)(std::span<stack_slot>) noexcept) {
        std::vector<stack_slot> slots(count);
        slots.resize((shelf_.*take)(slots));
        numbers found;
        for (const stack_slot& slot : slots) found.push_back(slot.units);
        return found;
    }
    numbers pop(std::size_t count) { return first_of(count, &stack_shelf::pop); }
    numbers begin_discard(std::size_t count) { return first_of(count, &stack_shelf::begin_discard); }
    // What a whole trim would discard.
    numbers discard_all() {
        numbers all;
        for (numbers some = begin_discard(3); !some.empty(); some = begin_discard(3)) {
            all.insert(all.end(), some.begin(), some.end());
            shelf_.end_discard();
        }
        return all;
    }

    stack_shelf shelf_;
};

TEST_F(StackShelf, LastInIsFirstOutAndWarmestLast) {
    push(0, 5);
    EXPECT_EQ(pop(2), (numbers{3, 4}));
    EXPECT_EQ(pop(9), (numbers{0, 1, 2}));
    EXPECT_EQ(pop(1), numbers{});
}

TEST_F(StackShelf, DiscardsWhatWasIdleForAPeriod) {
    push(0, 10);
    EXPECT_EQ(discard_all(), numbers{});
    shelf_.begin_period();
    EXPECT_EQ(pop(4), (numbers{6, 7, 8, 9}));
    push(20, 30);
    EXPECT_EQ(discard_all(), (numbers{0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(discard_all(), numbers{}) << "they have no pages now";
    shelf_.begin_period();
    EXPECT_EQ(discard_all(), (numbers{20, 21, 22, 23, 24, 25, 26, 27, 28, 29}));
}

TEST_F(StackShelf, DiscardsAgainWhatWasUsedAgain) {
    push(0, 4);
    shelf_.begin_period();
    EXPECT_EQ(discard_all().size(), 4U);
    EXPECT_EQ(pop(3), (numbers{1, 2, 3}));
    push(1, 4);
    shelf_.begin_period();
    EXPECT_EQ(discard_all(), (numbers{1, 2, 3}));
}

TEST_F(StackShelf, PassesOverUnusedOnes) {
    push(0, 2, false);
    push(2, 4, true);
    push(4, 9, false);
    push(9, 11, true);
    shelf_.begin_period();
    EXPECT_EQ(begin_discard(3), (numbers{2, 3, 9}));
    shelf_.end_discard();
    EXPECT_EQ(discard_all(), (numbers{10}));
}

TEST_F(StackShelf, KeepsBackWhatIsBeingDiscarded) {
    push(0, 5);
    shelf_.begin_period();
    EXPECT_EQ(begin_discard(2), (numbers{0, 1}));
    EXPECT_TRUE(shelf_.discarding());
    EXPECT_EQ(pop(9), (numbers{2, 3, 4}));
    EXPECT_EQ(pop(9), numbers{});
    push(7, 8);
    EXPECT_EQ(pop(9), (numbers{7}));
    shelf_.end_discard();
    EXPECT_FALSE(shelf_.discarding());
    EXPECT_EQ(begin_discard(9), numbers{});
    EXPECT_EQ(pop(9), (numbers{0, 1}));
}

TEST_F(StackShelf, RemembersThatPagesWereDiscarded) {
    push(0, 1);
    shelf_.begin_period();
    discard_all();
    stack_slot slot;
    ASSERT_EQ(shelf_.pop({&slot, 1}), 1U);
    EXPECT_FALSE(slot.used);
}

} // namespace
} // namespace weft
