// SPDX-License-Identifier: BSL-1.0
#include "model/explorer.hpp"

#include "model/atomic.hpp"

#include <array>
#include <mutex>

#include <gtest/gtest.h>

namespace weft::model {
namespace {

struct two_writers {
    static constexpr unsigned threads = 2;
    void thread(unsigned index) {
        own[index].store(1);
        own[index].store(2);
    }
    void end() {}
    std::array<atomic<int>, 2> own;
};

TEST(Explorer, MeetsEachStateOnce) {
    const outcome found = explore<two_writers>();
    EXPECT_EQ(found.failure, "");
    EXPECT_EQ(found.states, 8U) << "3 x 3, but for the last, which has no choice left";
}

struct increments {
    static constexpr unsigned threads = 2;
    explicit increments(bool at_once) : at_once_(at_once) {}
    void thread(unsigned) {
        if (at_once_)
            count_.fetch_add(1);
        else
            count_.store(count_.load() + 1);
    }
    void end() { require(count_.load() == 2, "an increment is lost"); }

    bool at_once_;
    atomic<int> count_;
};

TEST(Explorer, FindsALostIncrement) {
    const outcome found = explore<increments>(false);
    EXPECT_EQ(found.failure, "an increment is lost");
    EXPECT_NE(found.schedule.find("thread 1  load #0  0 -> 0"), std::string::npos) << found.schedule;
    EXPECT_EQ(explore<increments>(true).failure, "");
}

// Peterson's algorithm, of which one of the two writes is left out.
struct mutual_exclusion {
    static constexpr unsigned threads = 2;
    explicit mutual_exclusion(bool polite) : polite_(polite) {}
    void thread(unsigned me) {
        const unsigned other = 1 - me;
        wants_[me].store(true);
        if (polite_) turn_.store(other);
        if (!wait_until([&] { return !wants_[other].peek() || (polite_ && turn_.peek() == me); }))
            return require(false, "both wait for ever");
        require(inside_.fetch_add(1) == 0, "both are inside");
        inside_.fetch_sub(1);
        wants_[me].store(false);
    }
    void end() {}

    bool polite_;
    std::array<atomic<bool>, 2> wants_;
    atomic<unsigned> turn_;
    atomic<int> inside_;
};

TEST(Explorer, FindsThatBothWaitForEver) {
    EXPECT_EQ(explore<mutual_exclusion>(false).failure, "both wait for ever");
    EXPECT_EQ(explore<mutual_exclusion>(true).failure, "");
}

struct two_locks {
    static constexpr unsigned threads = 2;
    explicit two_locks(bool same_order) : same_order_(same_order) {}
    void thread(unsigned me) {
        const unsigned first = same_order_ ? 0 : me;
        const std::lock_guard outer(locks_[first]);
        const std::lock_guard inner(locks_[1 - first]);
        ++guarded_;
    }
    void end() { require(guarded_ == 2, "a lock was held twice"); }

    bool same_order_;
    std::array<spin_lock, 2> locks_;
    int guarded_ = 0;
};

TEST(Explorer, FindsADeadlock) {
    EXPECT_EQ(explore<two_locks>(false).failure, "deadlock");
    EXPECT_EQ(explore<two_locks>(true).failure, "");
}

// Two threads that have locked in the other order are in another state, although neither has read anything.
struct order_of_locking {
    static constexpr unsigned threads = 4;
    void thread(unsigned me) {
        const std::lock_guard guard(lock_);
        order_ = order_ * 10 + me;
    }
    void end() { require(order_ != 1032, "this order, too"); }

    spin_lock lock_;
    unsigned order_ = 0;
};

TEST(Explorer, TellsStatesApartByTheOrderOfLocking) {
    EXPECT_EQ(explore<order_of_locking>().failure, "this order, too");
}

} // namespace
} // namespace weft::model
