// SPDX-License-Identifier: BSL-1.0
#include "scheduler/idle_set.hpp"

#include "model/atomic.hpp"

#include <array>
#include <utility>

#include <gtest/gtest.h>

namespace weft::model {
namespace {

// What may be done otherwise than weft does it.
struct as_it_is {
    static constexpr bool sleeper_looks_again = true;
    static constexpr bool publishes_first = true;
    static constexpr bool last_searcher_wakes_another = true;
    static constexpr bool leaving_searcher_wakes_another = true;
};

struct scene {
    unsigned published;             // fibers, by each publisher, one after the other
    unsigned spawned = 0;           // by the fiber that worker 0 runs at first
    bool fibers_never_end = false;  // a worker that has found one is busy for ever
    bool last_worker_leaves = false;
};

// Workers that look for fibers, sleep and are woken, and plain threads that publish fibers. The idle set is weft's own;
// restated around it, with queues that are numbers: worker::find_work, search and sleep, scheduler::notify, sleeper.
template <class Variant, unsigned Workers, unsigned Publishers>
class idle_program {
public:
    static constexpr unsigned threads = Workers + Publishers;

    explicit idle_program(const scene& what) : what_(what) {
        for (unsigned i = 0; i < Workers; ++i) idle_.join();
    }

    void thread(unsigned me) {
        if (me < Workers)
            work(me);
        else
            publish(shared_, what_.published);
    }
    void end() {
        const unsigned queued = shared_.peek() + spawned_.peek();
        unsigned asleep = 0;
        for (const atomic<bool>& each : asleep_) asleep += each.peek();
        require(queued == 0 || asleep == 0, "a worker sleeps while fibers are queued");
        require(what_.fibers_never_end || queued == 0, "fibers stay queued");
        require(idle_.awake() == Workers - asleep - left_.peek(), "the number of those awake is wrong");
        idle_.join();
        const bool none_searched = idle_.begin_search() && idle_.end_search();
        require(none_searched, "the number of those that search is wrong");
    }

private:
    enum : unsigned { awake, notified, sleeping };

    void work(unsigned me) {
        if (me == 0) {
            publish(spawned_, what_.spawned);
            if (what_.spawned != 0 && what_.fibers_never_end) return;
        }
        for (bool searching = false;;) {
            forget(searching);
            bool found = (me == 0 && take(spawned_)) || take(shared_);
            if (!found && !searching) searching = idle_.begin_search();
            if (!found && searching) found = take(spawned_) || take(shared_);
            if (found) {
                if (std::exchange(searching, false) && end_search(me) && Variant::last_searcher_wakes_another) notify();
                if (what_.fibers_never_end) return;
                continue;
            }
            if (what_.last_worker_leaves && me == Workers - 1) {
                if (searching && end_search(me) && Variant::leaving_searcher_wakes_another) notify();
                idle_.leave();
                left_.poke(1);
                return;
            }
            if (!sleep(me, std::exchange(searching, true))) return;
        }
    }
    bool end_search(unsigned me) {
        woken_to_search_[me].poke(false);
        return idle_.end_search();
    }
    bool sleep(unsigned me, bool searching) {
        woken_to_search_[me].poke(false);
        const bool look_again = idle_.announce_sleep(me, searching);
        sleepers_.poke(sleepers_.peek() << 4 | (me + 1));
        learn(look_again);
        if (!look_again || !Variant::sleeper_looks_again || !work_anywhere()) {
            unsigned expected = awake;
            asleep_[me].poke(true);
            if (words_[me].compare_exchange_strong(expected, sleeping))
                if (!wait_until([&] { return words_[me].peek() != sleeping; })) return false;
            asleep_[me].poke(false);
            words_[me].exchange(awake);
        }
        if (idle_.take(me)) took_out(me);
        return true;
    }
    bool work_anywhere() { return (what_.spawned != 0 && spawned_.load() != 0) || shared_.load() != 0; }

    void publish(atomic<unsigned>& queue, unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            forget(2 + i);
            if (Variant::publishes_first) queue.fetch_add(1);
            notify();
            if (!Variant::publishes_first) queue.fetch_add(1);
        }
    }
    void notify() {
        const int sleeper = idle_.take_sleeper([](unsigned) { return false; });
        if (sleeper == idle_.none) return;
        took_out(static_cast<unsigned>(sleeper));
        for (const atomic<bool>& each : woken_to_search_) require(!each.peek(), "two were woken at a time");
        woken_to_search_[static_cast<unsigned>(sleeper)].poke(true);
        words_[static_cast<unsigned>(sleeper)].exchange(notified);
    }
    void took_out(unsigned worker) {
        std::uint64_t left = 0;
        for (std::uint64_t rest = sleepers_.peek(), place = 0; rest != 0; rest >>= 4)
            if ((rest & 15) != worker + 1) left |= (rest & 15) << 4 * place++;
        sleepers_.poke(left);
        learn(worker);
    }
    bool take(atomic<unsigned>& queue) {
        if (&queue == &spawned_ && what_.spawned == 0) return false;
        unsigned size = queue.load();
        while (size != 0)
            if (queue.compare_exchange_weak(size, size - 1)) return true;
        return false;
    }

    scene what_;
    basic_idle_set<atomic, lock_of_known_data> idle_{Workers};
    atomic<std::uint64_t> sleepers_;  // in the idle set, four bits each: number + 1
    atomic<unsigned> shared_, spawned_;  // fibers in the shared queue and in that of worker 0
    atomic<unsigned> left_;
    std::array<atomic<unsigned>, Workers> words_;
    std::array<atomic<bool>, Workers> asleep_, woken_to_search_;
};

template <class Variant, unsigned Workers, unsigned Publishers>
std::string failure_of(const scene& what) {
    const outcome found = explore<idle_program<Variant, Workers, Publishers>>(what);
    fprintf(stderr, "%u %u pub %u spawn %u never %d leave %d: %zu schedules %zu states %s\n%s", Workers, Publishers, what.published, what.spawned, what.fibers_never_end, what.last_worker_leaves, found.schedules, found.states, found.failure.c_str(), found.schedule.c_str());
    return found.failure;
}

TEST(IdleSetModel, NoFiberStaysQueued) {
    EXPECT_EQ((failure_of<as_it_is, 1, 1>({.published = 1})), "");
    EXPECT_EQ((failure_of<as_it_is, 1, 1>({.published = 2})), "");
    EXPECT_EQ((failure_of<as_it_is, 2, 1>({.published = 1})), "");
    EXPECT_EQ((failure_of<as_it_is, 2, 1>({.published = 2})), "");
    EXPECT_EQ((failure_of<as_it_is, 2, 0>({.published = 0, .spawned = 2})), "");
    EXPECT_EQ((failure_of<as_it_is, 1, 2>({.published = 1})), "");
    EXPECT_EQ((failure_of<as_it_is, 2, 2>({.published = 1})), "");
}

TEST(IdleSetModel, NobodySleepsWhileFibersAreQueued) {
    EXPECT_EQ((failure_of<as_it_is, 2, 1>({.published = 1, .fibers_never_end = true})), "");
    EXPECT_EQ((failure_of<as_it_is, 2, 1>({.published = 2, .fibers_never_end = true})), "");
    EXPECT_EQ((failure_of<as_it_is, 2, 2>({.published = 1, .fibers_never_end = true})), "");
    EXPECT_EQ((failure_of<as_it_is, 2, 1>({.published = 1, .spawned = 1, .fibers_never_end = true})), "");
    EXPECT_EQ((failure_of<as_it_is, 3, 0>({.published = 0, .spawned = 2, .fibers_never_end = true})), "");
    EXPECT_EQ((failure_of<as_it_is, 3, 1>({.published = 1, .fibers_never_end = true})), "");
}

}  // namespace
}  // namespace weft::model
