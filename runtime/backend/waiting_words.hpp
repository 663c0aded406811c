// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "backend/leaf.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <pthread.h>

// Waiting for a word to change, where the system has no call for that: words share a few condition variables, and whoever is
// woken without cause looks again, as he has to with a futex. Not for signal handlers.
//
// The wait compares under the lock that the wake takes: who changes the word and then wakes finds the waiter asleep, or the
// waiter finds the word changed.
namespace weft::sys {

class waiting_words {
public:
    int wait(const std::uint32_t* word, std::uint32_t expected, std::int64_t timeout_ns) noexcept {
        bucket& here = of(word);
        timespec until{};
        if (timeout_ns >= 0) until = from_now(timeout_ns);
        ::pthread_mutex_lock(&here.mutex);
        int result = -EAGAIN;
        if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == expected)
            result = timeout_ns < 0 ? -::pthread_cond_wait(&here.changed, &here.mutex)
                                    : -::pthread_cond_timedwait(&here.changed, &here.mutex, &until);
        ::pthread_mutex_unlock(&here.mutex);
        return result;
    }
    void wake(const std::uint32_t* word) noexcept {
        bucket& here = of(word);
        ::pthread_mutex_lock(&here.mutex);
        ::pthread_cond_broadcast(&here.changed);
        ::pthread_mutex_unlock(&here.mutex);
    }

private:
    struct alignas(128) bucket {
        pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
        pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
    };
    static constexpr std::size_t count = 64;

    bucket& of(const std::uint32_t* word) noexcept {
        return buckets_[(reinterpret_cast<std::uintptr_t>(word) >> 6) % count];
    }
    // A condition variable measures time by the clock of the day: one that is set ends a wait early or late.
    static timespec from_now(std::int64_t ns) noexcept {
        timespec result{};
        ::clock_gettime(CLOCK_REALTIME, &result);
        const timespec more = to_timespec(ns);
        result.tv_sec += more.tv_sec;
        result.tv_nsec += more.tv_nsec;
        if (result.tv_nsec >= 1'000'000'000) {
            result.tv_nsec -= 1'000'000'000;
            ++result.tv_sec;
        }
        return result;
    }

    bucket buckets_[count];
};

} // namespace weft::sys
