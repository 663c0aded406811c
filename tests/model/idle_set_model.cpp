// SPDX-License-Identifier: BSL-1.0
#include "model/atomic.hpp"
#include "scheduler/idle_set.hpp"

#include <array>
#include <string>
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
    unsigned published = 0;        // fibers, by each publisher, one after the other
    unsigned spawned = 0;          // by the fiber that worker 0 runs at first
    bool fibers_never_end = false; // a worker that has found one is busy for ever
    bool last_worker_leaves = false;
    bool woken_early = false; // the last publisher only makes worker 0 return from a sleep, as the poller may
};

// Workers that look for fibers, sleep and are woken, and plain threads that publish fibers. The idle set is
// weft's own; restated around it, with queues that are numbers: worker::find_work, search and sleep,
// scheduler::notify, sleeper.
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
        else if (what_.woken_early && me == threads - 1)
            words_[0].exchange(notified);
        else
            publish(me, shared_, what_.published);
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
        if (me == 0 && what_.spawned != 0) {
            publish(me, spawned_, what_.spawned);
            if (what_.fibers_never_end) return;
        }
        for (bool searching = false;;) {
            forget(searching);
            bool found = (me == 0 && take(spawned_)) || take(shared_);
            forget(found | searching << 1);
            if (!found && !searching) searching = idle_.begin_search();
            if (!found && searching) found = take(spawned_) || take(shared_);
            forget(found | searching << 1);
            if (found) {
                if (std::exchange(searching, false) && end_search(me) && Variant::last_searcher_wakes_another)
                    notify();
                if (what_.fibers_never_end) return;
            } else if (what_.last_worker_leaves && me == Workers - 1) {
                if (searching && end_search(me) && Variant::leaving_searcher_wakes_another) notify();
                idle_.leave();
                left_.poke(1);
                return;
            } else if (!sleep(me, std::exchange(searching, true))) {
                return;
            }
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
        forget(look_again);
        if (!look_again || !Variant::sleeper_looks_again || !work_anywhere()) {
            forget();
            unsigned expected = awake;
            asleep_[me].poke(true);
            if (words_[me].compare_exchange_strong(expected, sleeping))
                if (!wait_until([&] { return words_[me].peek() != sleeping; })) return false;
            forget();
            asleep_[me].poke(false);
            words_[me].exchange(awake);
        }
        forget();
        if (idle_.take(me)) took_out(me);
        return true;
    }
    bool work_anywhere() { return (what_.spawned != 0 && spawned_.load() != 0) || shared_.load() != 0; }

    void publish(unsigned me, atomic<unsigned>& queue, unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            published_[me].poke(i);
            forget();
            if (Variant::publishes_first) queue.fetch_add(1);
            notify();
            if (!Variant::publishes_first) queue.fetch_add(1);
        }
    }
    void notify(unsigned called_at = __builtin_LINE()) {
        forget(called_at);
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
    atomic<std::uint64_t> sleepers_;    // in the idle set, four bits each: number + 1
    atomic<unsigned> shared_, spawned_; // fibers in the shared queue and in that of worker 0
    atomic<unsigned> left_;
    std::array<atomic<unsigned>, threads> published_;
    std::array<atomic<unsigned>, Workers> words_;
    std::array<atomic<bool>, Workers> asleep_, woken_to_search_;
};

template <unsigned Workers, unsigned Publishers>
void expect_right(const scene& what) {
    const outcome found = explore<idle_program<as_it_is, Workers, Publishers>>(what);
    EXPECT_EQ(found.failure, "") << Workers << " workers, " << Publishers << " publishers of "
                                 << what.published << ", " << what.spawned << " spawned\n"
                                 << found.schedule;
}

TEST(IdleSetModel, NoFiberStaysQueued) {
    expect_right<1, 1>({.published = 2});
    expect_right<1, 2>({.published = 1});
    expect_right<2, 1>({.published = 1});
    expect_right<2, 0>({.spawned = 2});
    expect_right<1, 2>({.published = 2, .woken_early = true});
    expect_right<3, 0>({.spawned = 1});
    if (!sanitized_thread) expect_right<2, 1>({.published = 2});
}

// The sleeper once left the word before it was among the sleepers: a searcher that then found work, and a
// publisher, too, saw nobody searching and nobody asleep, and the next fiber stayed queued beside a worker
// that slept.
TEST(IdleSetModel, NobodySleepsWhileFibersAreQueued) {
    expect_right<2, 1>({.published = 2, .fibers_never_end = true});
    expect_right<2, 1>({.published = 1, .spawned = 1, .fibers_never_end = true});
    expect_right<3, 0>({.spawned = 2, .fibers_never_end = true});
    if (!sanitized_thread) expect_right<2, 2>({.published = 1, .fibers_never_end = true});
    if (!sanitized_thread)
        expect_right<2, 2>({.published = 2, .fibers_never_end = true, .woken_early = true});
}

TEST(IdleSetModel, WorkerThatLeavesHandsOnTheSearch) {
    expect_right<2, 1>({.published = 1, .last_worker_leaves = true});
    expect_right<2, 1>({.published = 2, .fibers_never_end = true, .last_worker_leaves = true});
}

// --- planted bugs

template <class Variant, unsigned Workers, unsigned Publishers>
std::string failure_of(const scene& what) {
    return explore<idle_program<Variant, Workers, Publishers>>(what).failure;
}

struct sleeps_without_a_second_look : as_it_is {
    static constexpr bool sleeper_looks_again = false;
};
struct wakes_before_it_publishes : as_it_is {
    static constexpr bool publishes_first = false;
};
struct last_searcher_tells_nobody : as_it_is {
    static constexpr bool last_searcher_wakes_another = false;
};
struct leaving_searcher_tells_nobody : as_it_is {
    static constexpr bool leaving_searcher_wakes_another = false;
};

TEST(IdleSetModel, FindsThatTheSleeperDoesNotLookAgain) {
    EXPECT_EQ((failure_of<sleeps_without_a_second_look, 1, 1>({.published = 1})),
        "a worker sleeps while fibers are queued");
}

TEST(IdleSetModel, FindsThatTheWakingComesBeforeTheWork) {
    EXPECT_EQ((failure_of<wakes_before_it_publishes, 1, 1>({.published = 1})),
        "a worker sleeps while fibers are queued");
}

TEST(IdleSetModel, FindsThatTheLastSearcherWakesNobody) {
    EXPECT_EQ((failure_of<last_searcher_tells_nobody, 2, 1>({.published = 2, .fibers_never_end = true})),
        "a worker sleeps while fibers are queued");
}

TEST(IdleSetModel, FindsThatALeavingSearcherWakesNobody) {
    EXPECT_EQ((failure_of<leaving_searcher_tells_nobody, 2, 1>({.published = 1, .last_worker_leaves = true})),
        "a worker sleeps while fibers are queued");
}

} // namespace
} // namespace weft::model
