// SPDX-License-Identifier: BSL-1.0
#include "channel/memory_model.hpp"

#include <weft/fiber.hpp>
#include <weft/sync.hpp>

#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>

// The edges of fibers, locks and counters. What is none: memory_model_sync_races_test.cpp.
namespace weft::test {
namespace {

using namespace std::chrono_literals;

// --- fibers

void go_before_start(crew_of kind) {
    plain data;
    together(kind, [&] {
        data.set(1);
        go([&] { EXPECT_EQ(data.get(), 1); }).join();
    });
}

void end_before_join(crew_of kind) {
    plain data;
    together(kind, [&] {
        go([&] { data.set(1); }).join();
        EXPECT_EQ(data.get(), 1);
    });
}

void end_by_exception_before_join(crew_of kind) {
    plain data;
    together(kind, [&] {
        auto child = go([&] {
            data.set(1);
            throw std::runtime_error("the end");
        });
        EXPECT_THROW(child.join(), std::runtime_error);
        EXPECT_EQ(data.get(), 1);
    });
}

void a_grandchild(crew_of kind) {
    plain data;
    together(kind, [&] {
        data.set(1);
        go([&] {
            go([&] { data.add(1); }).join();
            data.add(1);
        }).join();
        EXPECT_EQ(data.get(), 3);
    });
}

// --- locks

// Three actors, each of which does the same a few times; what they add up is right if none was lost.
template <class Section>
void sections(crew_of kind, const plain& count, Section section) {
    const auto actor = [section] {
        for (int i = 0; i < 5; ++i) section();
    };
    together(kind, actor, actor, actor);
    EXPECT_EQ(count.get(), 15);
}

void unlock_before_lock(crew_of kind) {
    mutex lock;
    plain count;
    sections(kind, count, [&] {
        const std::lock_guard held(lock);
        count.add(1);
    });
}

void unlock_before_try_lock(crew_of kind) {
    mutex lock;
    plain count;
    sections(kind, count, [&] {
        wait_until([&] { return lock.try_lock(); });
        count.add(1);
        lock.unlock();
    });
}

void unlock_before_timed_lock(crew_of kind) {
    mutex lock;
    plain count;
    sections(kind, count, [&] {
        while (!lock.try_lock_for(10us)) {}
        count.add(1);
        lock.unlock();
    });
}

void two_mutexes(crew_of kind) {
    mutex first;
    mutex second;
    plain count;
    sections(kind, count, [&] {
        const std::scoped_lock held(first, second);
        count.add(1);
    });
}

void shared_mutex_as_a_mutex(crew_of kind) {
    shared_mutex lock;
    plain count;
    sections(kind, count, [&] {
        const std::lock_guard held(lock);
        count.add(1);
    });
}

// Readers see what writers wrote, and writers write when the readers have read.
void readers_and_writers(crew_of kind) {
    shared_mutex lock;
    plain first;
    plain second;
    const auto reader = [&] {
        for (int i = 0; i < 5; ++i) {
            const std::shared_lock held(lock);
            EXPECT_EQ(first.get(), second.get());
        }
    };
    const auto writer = [&] {
        for (int i = 0; i < 5; ++i) {
            const std::lock_guard held(lock);
            first.add(1);
            second.add(1);
        }
    };
    together(kind, reader, reader, writer, writer);
    EXPECT_EQ(first.get(), 10);
}

void condition_variable_and_mutex(crew_of kind) {
    mutex lock;
    condition_variable changed;
    bool written = false;
    plain data;
    const auto reader = [&] {
        std::unique_lock held(lock);
        changed.wait(held, [&] { return written; });
        held.unlock();
        EXPECT_EQ(data.get(), 1);
    };
    together(kind, reader, reader, [&] {
        data.set(1);
        {
            const std::lock_guard held(lock);
            written = true;
        }
        changed.notify_all();
    });
}

// --- permits and counters

void release_before_acquire(crew_of kind) {
    counting_semaphore permits(0);
    plain data;
    together(
        kind,
        [&] {
            data.set(1);
            permits.release();
        },
        [&] {
            permits.acquire();
            EXPECT_EQ(data.get(), 1);
        });
}

void release_before_try_acquire(crew_of kind) {
    counting_semaphore permits(0);
    plain data;
    together(
        kind,
        [&] {
            data.set(1);
            permits.release();
        },
        [&] {
            wait_until([&] { return permits.try_acquire(); });
            EXPECT_EQ(data.get(), 1);
        });
}

// Who waits for the permits of two has the data of both.
void two_releases_before_a_big_acquire(crew_of kind) {
    counting_semaphore permits(0);
    plain first;
    plain second;
    together(
        kind,
        [&] {
            first.set(1);
            permits.release();
        },
        [&] {
            second.set(1);
            permits.release();
        },
        [&] {
            permits.acquire(2);
            EXPECT_EQ(first.get() + second.get(), 2);
        });
}

void a_permit_as_a_lock(crew_of kind) {
    counting_semaphore permits(1);
    plain count;
    sections(kind, count, [&] {
        const permit held(permits);
        count.add(1);
    });
}

// All permits against one each: a writer against readers.
void permits_as_a_shared_lock(crew_of kind) {
    counting_semaphore permits(3);
    plain data;
    const auto reader = [&] {
        const permit held(permits);
        EXPECT_GE(data.get(), 0);
    };
    const auto writer = [&] {
        const permit held(permits, 3);
        data.add(1);
    };
    together(kind, reader, writer, reader, writer);
    EXPECT_EQ(data.get(), 2);
}

void done_before_wait(crew_of kind) {
    wait_group group;
    plain first;
    plain second;
    group.add(2);
    const auto waiter = [&] {
        group.wait();
        EXPECT_EQ(first.get() + second.get(), 2);
    };
    together(
        kind,
        [&] {
            first.set(1);
            group.done();
        },
        [&] {
            second.set(1);
            group.done();
        },
        waiter, waiter);
}

void fibers_of_a_wait_group(crew_of kind) {
    together(kind, [&] {
        wait_group group;
        plain first;
        plain second;
        group.go([&] { first.set(1); });
        group.go([&] { second.set(1); });
        group.wait();
        EXPECT_EQ(first.get() + second.get(), 2);
    });
}

void once(crew_of kind) {
    once_flag flag;
    plain data;
    const auto caller = [&] {
        call_once(flag, [&] { data.add(1); });
        EXPECT_EQ(data.get(), 1);
    };
    together(kind, caller, caller, caller);
}

void count_down_before_wait(crew_of kind) {
    latch all(2);
    plain first;
    plain second;
    together(
        kind,
        [&] {
            first.set(1);
            all.count_down();
        },
        [&] {
            second.set(1);
            all.arrive_and_wait();
            EXPECT_EQ(first.get(), 1);
        },
        [&] {
            all.wait();
            EXPECT_EQ(first.get() + second.get(), 2);
        });
}

// In turn all write, each its own, and all read.
void phases_of_a_barrier(crew_of kind) {
    constexpr int members = 3;
    barrier all(members);
    plain data[members];
    const auto member = [&](plain& mine) {
        return [&] {
            for (int phase = 1; phase <= 4; ++phase) {
                mine.set(phase);
                all.arrive_and_wait();
                for (const auto& one : data) EXPECT_EQ(one.get(), phase);
                all.arrive_and_wait();
            }
        };
    };
    together(kind, member(data[0]), member(data[1]), member(data[2]));
}

// The completion comes after all arrivals, and before anybody goes on.
void completion_of_a_barrier(crew_of kind) {
    plain first;
    plain second;
    plain sum;
    barrier all(2, [&]() noexcept { sum.set(first.get() + second.get()); });
    const auto member = [&](plain& mine) {
        return [&] {
            mine.set(1);
            all.arrive_and_wait();
            EXPECT_EQ(sum.get(), 2);
        };
    };
    together(kind, member(first), member(second));
}

constexpr ordered_program programs[] = {
    {"GoBeforeStart", go_before_start},
    {"EndBeforeJoin", end_before_join},
    {"EndByExceptionBeforeJoin", end_by_exception_before_join},
    {"AGrandchild", a_grandchild},
    {"UnlockBeforeLock", unlock_before_lock},
    {"UnlockBeforeTryLock", unlock_before_try_lock},
    {"UnlockBeforeTimedLock", unlock_before_timed_lock},
    {"TwoMutexes", two_mutexes},
    {"SharedMutexAsAMutex", shared_mutex_as_a_mutex},
    {"ReadersAndWriters", readers_and_writers},
    {"ConditionVariableAndMutex", condition_variable_and_mutex},
    {"ReleaseBeforeAcquire", release_before_acquire},
    {"ReleaseBeforeTryAcquire", release_before_try_acquire},
    {"TwoReleasesBeforeABigAcquire", two_releases_before_a_big_acquire},
    {"APermitAsALock", a_permit_as_a_lock},
    {"PermitsAsASharedLock", permits_as_a_shared_lock},
    {"DoneBeforeWait", done_before_wait},
    {"FibersOfAWaitGroup", fibers_of_a_wait_group},
    {"Once", once},
    {"CountDownBeforeWait", count_down_before_wait},
    {"PhasesOfABarrier", phases_of_a_barrier},
    {"CompletionOfABarrier", completion_of_a_barrier},
};

using SyncOrder = ordered;
INSTANTIATE_TEST_SUITE_P(
    Programs, SyncOrder, ::testing::Combine(::testing::ValuesIn(programs), crew_settings()), name_of_ordered);
TEST_P(SyncOrder, WhatTheModelPromises) { silent_and_right(); }

} // namespace
} // namespace weft::test
