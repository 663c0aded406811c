// SPDX-License-Identifier: BSL-1.0
#include "channel/memory_model.hpp"

#include <weft/fiber.hpp>
#include <weft/run.hpp>
#include <weft/sync.hpp>

#include <chrono>
#include <mutex>
#include <shared_mutex>

// What is no edge of fibers, locks and counters. Those that are: memory_model_sync_test.cpp.
//
// These locks order more than they promise: whoever comes later knows what those before did. So here what is relied upon comes, in
// time, after the operation that is to give it.
namespace weft::test {
namespace {

using namespace std::chrono_literals;

// --- fibers

void write_after_go() {
    runtime fibers({.workers = 1});
    plain data;
    mark written;
    auto child = fibers.go([&] {
        written.wait();
        data.get();
    });
    data.set(1);
    written.set();
    child.join();
}

void read_before_join() {
    runtime fibers({.workers = 1});
    plain data;
    mark written;
    auto child = fibers.go([&] {
        data.set(1);
        written.set();
    });
    written.wait();
    data.get();
    child.join();
}

void another_fiber_joined() {
    runtime fibers({.workers = 1});
    plain data;
    mark one_joined;
    mark both_joined;
    on_threads(
        [&] {
            fibers.go([] {}).join();
            one_joined.set();
            both_joined.wait();
            data.get();
        },
        [&] {
            one_joined.wait();
            fibers.go([&] { data.set(1); }).join();
            both_joined.set();
        });
}

// --- locks

void write_after_unlock() {
    mutex lock;
    plain data;
    mark written;
    on_threads(
        [&] {
            lock.lock();
            lock.unlock();
            data.set(1);
            written.set();
        },
        [&] {
            written.wait();
            const std::lock_guard held(lock);
            data.get();
        });
}

// Sections have an order, but not a wished-for one.
void order_of_sections_assumed() {
    mutex lock;
    plain data;
    mark locked;
    mark written;
    on_threads(
        [&] {
            locked.wait();
            const std::lock_guard held(lock);
            data.set(1);
            written.set();
        },
        [&] {
            lock.lock();
            lock.unlock();
            locked.set();
            written.wait();
            data.get();
        });
}

void read_without_the_lock() {
    mutex lock;
    plain data;
    mark written;
    on_threads(
        [&] {
            const std::lock_guard held(lock);
            data.set(1);
            written.set();
        },
        [&] {
            written.wait();
            data.get();
        });
}

void another_mutex() {
    mutex lock;
    mutex other;
    plain data;
    mark written;
    on_threads(
        [&] {
            const std::lock_guard held(lock);
            data.set(1);
            written.set();
        },
        [&] {
            written.wait();
            const std::lock_guard held(other);
            data.get();
        });
}

void failed_try_lock_as_an_edge() {
    mutex lock;
    plain data;
    mark locked;
    mark tried;
    on_threads(
        [&] {
            data.set(1);
            const std::lock_guard held(lock);
            locked.set();
            tried.wait();
        },
        [&] {
            locked.wait();
            if (!lock.try_lock()) data.get();
            tried.set();
        });
}

// Two hold it together, and one of them writes.
void write_by_a_reader() {
    shared_mutex lock;
    plain data;
    mark shared;
    mark written;
    on_threads(
        [&] {
            shared.wait();
            const std::shared_lock held(lock);
            data.set(1);
            written.set();
        },
        [&] {
            const std::shared_lock held(lock);
            shared.set();
            written.wait();
            data.get();
        });
}

void read_after_unlock_shared() {
    shared_mutex lock;
    plain data;
    mark unlocked;
    mark written;
    on_threads(
        [&] {
            lock.lock_shared();
            lock.unlock_shared();
            unlocked.set();
            written.wait();
            data.get();
        },
        [&] {
            unlocked.wait();
            const std::lock_guard held(lock);
            data.set(1);
            written.set();
        });
}

// A notification says nothing of what comes after the section that made it true.
void write_after_notify() {
    mutex lock;
    condition_variable changed;
    bool ready = false;
    plain data;
    mark written;
    on_threads(
        [&] {
            {
                const std::lock_guard held(lock);
                ready = true;
            }
            changed.notify_one();
            data.set(1);
            written.set();
        },
        [&] {
            std::unique_lock held(lock);
            changed.wait(held, [&] { return ready; });
            written.wait();
            data.get();
        });
}

// Nobody waited for it.
void notify_as_an_edge() {
    condition_variable changed;
    plain data;
    mark notified;
    on_threads(
        [&] {
            data.set(1);
            changed.notify_all();
            notified.set();
        },
        [&] {
            notified.wait();
            data.get();
        });
}

// --- permits and counters

// Two permits: who has the one knows nothing of who had the other.
void release_of_another_permit() {
    counting_semaphore permits(2);
    plain data;
    mark acquired;
    mark released;
    on_threads(
        [&] {
            acquired.wait();
            permits.acquire();
            data.set(1);
            permits.release();
            released.set();
        },
        [&] {
            permits.acquire();
            acquired.set();
            released.wait();
            data.get();
            permits.release();
        });
}

void write_after_release() {
    counting_semaphore permits(0);
    plain data;
    mark written;
    on_threads(
        [&] {
            permits.release();
            data.set(1);
            written.set();
        },
        [&] {
            permits.acquire();
            written.wait();
            data.get();
        });
}

void release_without_acquire() {
    counting_semaphore permits(0);
    plain data;
    mark one_released;
    mark both_released;
    on_threads(
        [&] {
            one_released.wait();
            data.set(1);
            permits.release();
            both_released.set();
        },
        [&] {
            permits.release();
            one_released.set();
            both_released.wait();
            data.get();
        });
}

void read_after_done_without_wait() {
    wait_group group;
    group.add(2);
    plain data;
    mark first_done;
    mark second_done;
    on_threads(
        [&] {
            first_done.wait();
            data.set(1);
            group.done();
            second_done.set();
        },
        [&] {
            group.done();
            first_done.set();
            second_done.wait();
            data.get();
        });
}

void write_after_done() {
    wait_group group;
    group.add(1);
    plain data;
    mark written;
    on_threads(
        [&] {
            group.done();
            data.set(1);
            written.set();
        },
        [&] {
            group.wait();
            written.wait();
            data.get();
        });
}

void one_wait_group_of_two() {
    wait_group group;
    wait_group other;
    group.add(1);
    plain data;
    mark done;
    on_threads(
        [&] {
            data.set(1);
            group.done();
            done.set();
        },
        [&] {
            done.wait();
            other.wait();
            data.get();
        });
}

void write_beside_once() {
    once_flag flag;
    plain data;
    mark written;
    on_threads(
        [&] {
            call_once(flag, [] {});
            data.set(1);
            written.set();
        },
        [&] {
            written.wait();
            call_once(flag, [] {});
            data.get();
        });
}

void read_without_call_once() {
    once_flag flag;
    plain data;
    mark called;
    on_threads(
        [&] {
            call_once(flag, [&] { data.set(1); });
            called.set();
        },
        [&] {
            called.wait();
            data.get();
        });
}

void read_after_count_down() {
    latch all(2);
    plain data;
    mark counted;
    mark written;
    on_threads(
        [&] {
            counted.wait();
            data.set(1);
            all.count_down();
            written.set();
        },
        [&] {
            all.count_down();
            counted.set();
            written.wait();
            data.get();
        });
}

void write_after_count_down() {
    latch all(1);
    plain data;
    mark written;
    on_threads(
        [&] {
            all.count_down();
            data.set(1);
            written.set();
        },
        [&] {
            all.wait();
            written.wait();
            data.get();
        });
}

void write_after_a_phase() {
    barrier all(2);
    plain data;
    mark written;
    on_threads(
        [&] {
            all.arrive_and_wait();
            data.set(1);
            written.set();
        },
        [&] {
            all.arrive_and_wait();
            written.wait();
            data.get();
        });
}

constexpr racy_program programs[] = {
    {"WriteAfterGo", write_after_go},
    {"ReadBeforeJoin", read_before_join},
    {"AnotherFiberJoined", another_fiber_joined},
    {"WriteAfterUnlock", write_after_unlock},
    {"OrderOfSectionsAssumed", order_of_sections_assumed},
    {"ReadWithoutTheLock", read_without_the_lock},
    {"AnotherMutex", another_mutex},
    {"FailedTryLockAsAnEdge", failed_try_lock_as_an_edge},
    {"WriteByAReader", write_by_a_reader},
    {"ReadAfterUnlockShared", read_after_unlock_shared},
    {"WriteAfterNotify", write_after_notify},
    {"NotifyAsAnEdge", notify_as_an_edge},
    {"ReleaseOfAnotherPermit", release_of_another_permit},
    {"WriteAfterRelease", write_after_release},
    {"ReleaseWithoutAcquire", release_without_acquire},
    {"ReadAfterDoneWithoutWait", read_after_done_without_wait},
    {"WriteAfterDone", write_after_done},
    {"OneWaitGroupOfTwo", one_wait_group_of_two},
    {"WriteBesideOnce", write_beside_once},
    {"ReadWithoutCallOnce", read_without_call_once},
    {"ReadAfterCountDown", read_after_count_down},
    {"WriteAfterCountDown", write_after_count_down},
    {"WriteAfterAPhase", write_after_a_phase},
};

using SyncRace = racy;
INSTANTIATE_TEST_SUITE_P(Programs, SyncRace, ::testing::ValuesIn(programs), name_of_racy);
TEST_P(SyncRace, WhatTheModelDoesNotPromise) { reported(); }

} // namespace
} // namespace weft::test
