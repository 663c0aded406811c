// SPDX-License-Identifier: BSL-1.0
#include "model/atomic.hpp"
#include "scheduler/timer_watch.hpp"

#include <algorithm>
#include <limits>

#include <gtest/gtest.h>

namespace weft::model {
namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

// As it was once: what the second look finds is slept until, but not published.
class publishes_once {
public:
    template <class FirstTimer>
    std::int64_t keep(FirstTimer first) noexcept {
        until_.store(first());
        return first();
    }
    bool is_later_than(std::int64_t when) const noexcept { return until_.load() > when; }

private:
    atomic<std::int64_t> until_{std::numeric_limits<std::int64_t>::min()};
};

// As it would be without the second look.
class looks_once {
public:
    template <class FirstTimer>
    std::int64_t keep(FirstTimer first) noexcept {
        const std::int64_t until = first();
        until_.store(until);
        return until;
    }
    bool is_later_than(std::int64_t when) const noexcept { return until_.load() > when; }

private:
    atomic<std::int64_t> until_{std::numeric_limits<std::int64_t>::min()};
};

// One worker goes to sleep, a second fires the only timer and arms a later one, a third arms one on a heap of its own.
template <class Watch>
class timers {
public:
    static constexpr unsigned threads = 3;

    void thread(unsigned me) {
        if (me == 0) {
            sleeps_until_.store(watch_.keep([this] { return std::min(heap_.load(), other_heap_.load()); }));
        } else if (me == 1) {
            heap_.store(never);
            arm(heap_, 20);
        } else {
            arm(other_heap_, 30);
        }
    }
    void end() {
        const std::int64_t first = std::min(heap_.load(), other_heap_.load());
        require(sleeps_until_.load() <= first || interrupted_.load(), "the first timer is slept through");
    }

private:
    void arm(atomic<std::int64_t>& heap, std::int64_t when) {
        heap.store(when);
        if (watch_.is_later_than(when)) interrupted_.store(true);
    }

    Watch watch_;
    atomic<std::int64_t> heap_{10};
    atomic<std::int64_t> other_heap_{never};
    atomic<std::int64_t> sleeps_until_{never};
    atomic<bool> interrupted_{false};
};

TEST(TimerWatch, NoTimerIsSleptThrough) {
    const outcome found = explore<timers<basic_timer_watch<atomic>>>();
    EXPECT_EQ(found.failure, "") << found.schedule;
    EXPECT_GT(found.states, 50U);
}

TEST(TimerWatch, PublishingOtherThanWhatIsSleptUntilIsFound) {
    EXPECT_EQ(explore<timers<publishes_once>>().failure, "the first timer is slept through");
}

TEST(TimerWatch, MissingTheSecondLookIsFound) {
    EXPECT_EQ(explore<timers<looks_once>>().failure, "the first timer is slept through");
}

} // namespace
} // namespace weft::model
