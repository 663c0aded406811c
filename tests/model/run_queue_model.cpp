// SPDX-License-Identifier: BSL-1.0
#include "model/atomic.hpp"
#include "scheduler/run_queue.hpp"

#include <array>

#include <gtest/gtest.h>

namespace weft::model {
namespace {

// Both full fences, since the explorer has nothing weaker.
struct full_fences {
    static void store_then_light(atomic<bool>& flag, bool value) noexcept { flag.store(value); }
    static void heavy() noexcept {}
    static void wait_while(const atomic<bool>& flag) noexcept {
        wait_until([&] { return !flag.peek(); });
    }
};

struct ball {
    atomic<unsigned> ring_order; // when its owner put it into the ring
    atomic<unsigned> taken;
};

// What the threads do, a letter an operation.
//   owner    + push (if the ring is full, it and the older half go elsewhere), - pop, n set_next, t take_next
//   thieves  s steal from the owner, c from the other thief, x steal_next, - pop from the own ring
struct scripts {
    const char* owner;
    const char* first;
    const char* second = "";
};

template <template <class> class Queue, unsigned Threads>
class run_queue_program {
public:
    static constexpr unsigned threads = Threads;

    explicit run_queue_program(const scripts& what) : what_(what) {}

    void thread(unsigned me) {
        const char* script = me == 0 ? what_.owner : me == 1 ? what_.first : what_.second;
        for (unsigned at = 0; script[at] != '\0'; ++at) {
            forget(at);
            me == 0 ? own(script[at]) : steal(me, script[at]);
        }
    }
    void end() {
        for (unsigned i = 0; i < threads; ++i) {
            take(queues_[i].take_next());
            while (ball* found = queues_[i].pop()) i == 0 ? take_in_order(found) : take(found);
            require(
                queues_[i].ring_empty() && !queues_[i].has_next(), "a queue that gives nothing is not empty");
        }
        for (unsigned i = 0; i < made_.peek(); ++i) require(balls_[i].taken.peek() != 0, "lost");
    }

private:
    void own(char operation) {
        switch (operation) {
        case '+': push(next_ball()); break;
        case '-': take_in_order(queues_[0].pop()); break;
        case 'n':
            if (ball* displaced = queues_[0].set_next(&next_ball())) push(*displaced);
            break;
        case 't': take(queues_[0].take_next()); break;
        }
    }
    void steal(unsigned me, char operation) {
        switch (operation) {
        case 's': take(queues_[0].steal(queues_[me])); break;
        case 'c': take(queues_[3 - me].steal(queues_[me])); break;
        case 'x': take(queues_[0].steal_next()); break;
        case '-': take(queues_[me].pop()); break;
        }
    }
    static unsigned add_one(atomic<unsigned>& count) {
        count.poke(count.peek() + 1);
        return count.peek();
    }
    ball& next_ball() { return balls_[add_one(made_) - 1]; }
    void push(ball& next) {
        next.ring_order.poke(add_one(pushed_));
        if (queues_[0].push(&next, true)) return;
        queues_[0].take_half(take);
        take(&next);
    }
    static void take(ball* found) {
        if (found != nullptr) require(add_one(found->taken) == 1, "taken twice");
    }
    void take_in_order(ball* found) {
        if (found == nullptr) return;
        require(found->ring_order.peek() > last_popped_.peek(), "popped out of order");
        last_popped_.poke(found->ring_order.peek());
        take(found);
    }

    static constexpr std::uint32_t before_wrap = ~std::uint32_t{1};

    scripts what_;
    std::array<Queue<ball>, 3> queues_{
        Queue<ball>(before_wrap), Queue<ball>(before_wrap), Queue<ball>(before_wrap)};
    std::array<ball, 8> balls_;
    atomic<unsigned> made_, pushed_, last_popped_;
};

template <class T>
using two_places = basic_run_queue<T, 2, atomic, full_fences>;
template <class T>
using four_places = basic_run_queue<T, 4, atomic, full_fences>;

constexpr scripts with_one_thief[] = {
    {"++--", "ss"},
    {"+-+-+-", "sss"},
    {"++++----", "s-s-s"},
    {"+++++--+--", "s-s-"},
    {"ntntnt", "xxx"},
    {"nnnt-t-", "xsxs"},
    {"n+n+t--", "s-xs-x"},
};
constexpr scripts with_two_thieves[] = {
    {"++--", "s", "s"},
    {"nn+t-", "xs-", "xc"},
    {"+++--", "ss", "s-"},
};
constexpr scripts thief_robs_thief{"++++--", "s-", "cs-"};

template <template <class> class Queue, unsigned Threads>
void expect_right(const scripts& each) {
    const outcome found = explore<run_queue_program<Queue, Threads>>(each);
    EXPECT_EQ(found.failure, "") << "owner " << each.owner << ", thieves " << each.first << ' ' << each.second
                                 << '\n'
                                 << found.schedule;
}

TEST(RunQueueModel, TakesEachExactlyOnceBesideOneThief) {
    for (const scripts& each : with_one_thief) {
        expect_right<two_places, 2>(each);
        expect_right<four_places, 2>(each);
    }
}

TEST(RunQueueModel, TakesEachExactlyOnceBesideTwoThieves) {
    for (const scripts& each : with_two_thieves) {
        expect_right<two_places, 3>(each);
        if (!sanitized_thread) expect_right<four_places, 3>(each);
    }
    if (!sanitized_thread) expect_right<two_places, 3>(thief_robs_thief);
}

// --- planted bugs

// compare_exchange is a comparison, then a store: head is moved as if by the owner alone.
template <class T>
struct torn_compare_exchange : atomic<T> {
    using atomic<T>::atomic;
    template <class... Orders>
    bool compare_exchange_weak(T& expected, T desired, Orders...) noexcept {
        const T wanted = std::exchange(expected, this->load());
        if (expected == wanted) this->store(desired);
        return expected == wanted;
    }
    template <class... Orders>
    bool compare_exchange_strong(T& expected, T desired, Orders... orders) noexcept {
        return compare_exchange_weak(expected, desired, orders...);
    }
};
template <class T>
using without_compare_exchange = basic_run_queue<T, 2, torn_compare_exchange, full_fences>;

TEST(RunQueueModel, FindsThatHeadIsNotMovedAtOnce) {
    for (const scripts& each : {scripts{"+-", "s"}, scripts{"+++", "s"}, scripts{"+", "s", "s"}}) {
        const outcome found = explore<run_queue_program<without_compare_exchange, 3>>(each);
        EXPECT_EQ(found.failure, "taken twice") << each.owner << ' ' << each.first << ' ' << each.second;
    }
}

// exchange is a load, then a store: two thieves are at the run-next slot.
template <class T>
struct torn_exchange : atomic<T> {
    using atomic<T>::atomic;
    template <class... Orders>
    T exchange(T value, Orders...) noexcept {
        const T before = this->load();
        this->store(value);
        return before;
    }
};
template <class T>
using without_exchange = basic_run_queue<T, 2, torn_exchange, full_fences>;

TEST(RunQueueModel, FindsThatTwoThievesAreAtTheRunNextSlot) {
    EXPECT_EQ(
        (explore<run_queue_program<without_exchange, 3>>(scripts{"n", "x", "x"}).failure), "taken twice");
}

// The owner's store stays in its store buffer while it looks for a thief: what the fences are for.
struct no_fences : full_fences {
    static void store_then_light(atomic<bool>&, bool) noexcept {}
};
template <class T>
using without_fences = basic_run_queue<T, 2, atomic, no_fences>;

TEST(RunQueueModel, FindsThatOwnerAndThiefAreAtTheRunNextSlot) {
    EXPECT_EQ((explore<run_queue_program<without_fences, 2>>(scripts{"nt", "x"}).failure), "taken twice");
    EXPECT_EQ((explore<run_queue_program<without_fences, 2>>(scripts{"nn", "x"}).failure), "taken twice");
}

// [Q2] turned round: a slot is read after head was moved past it, when the owner may fill it again.
template <class T>
class reads_late {
public:
    explicit reads_late(std::uint32_t start) : head_(start), tail_(start) {}
    bool push(T* fiber, bool) noexcept {
        const std::uint32_t tail = tail_.load();
        if (tail - head_.load() >= 2) return false;
        ring_[tail % 2].store(fiber);
        tail_.store(tail + 1);
        return true;
    }
    T* pop() noexcept {
        std::uint32_t head = head_.load();
        do
            if (head == tail_.load()) return nullptr;
        while (!head_.compare_exchange_weak(head, head + 1));
        return ring_[head % 2].load();
    }
    T* steal(reads_late&) noexcept { return pop(); }
    T* steal_next() noexcept { return nullptr; }
    T* set_next(T* fiber) noexcept { return fiber; }
    T* take_next() noexcept { return nullptr; }
    template <class Sink>
    void take_half(Sink) noexcept {}
    bool has_next() const noexcept { return false; }
    bool ring_empty() const noexcept { return head_.load() == tail_.load(); }

private:
    atomic<std::uint32_t> head_, tail_;
    std::array<atomic<T*>, 2> ring_;
};

TEST(RunQueueModel, FindsThatASlotIsReadLate) {
    EXPECT_EQ((explore<run_queue_program<reads_late, 2>>(scripts{"++", "s"}).failure), "");
    EXPECT_EQ((explore<run_queue_program<reads_late, 2>>(scripts{"+++", "s"}).failure), "taken twice");
}

} // namespace
} // namespace weft::model
