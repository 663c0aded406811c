// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/detail/deadline.hpp>
#include <weft/waiting/park.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <chrono>
#include <condition_variable>

namespace weft {

// As std::condition_variable_any, for fibers and plain threads: with std::unique_lock<weft::mutex>, and any other lock whose
// unlock does not block. Those who wait are notified first come, first served; nobody is woken without a notification. Thread-safe.
// To be destroyed while nobody waits for it.
class [[gnu::visibility("default")]] condition_variable {
public:
    constexpr condition_variable() noexcept = default;
    condition_variable(const condition_variable&) = delete;
    condition_variable& operator=(const condition_variable&) = delete;

    // Wake one of those who wait, or all. Never block; the lock may be held or not.
    void notify_one() noexcept;
    void notify_all() noexcept;

    // Unlocks, waits for a notification, and locks again. Blocks the calling fiber or thread. A cancellation point: it throws with
    // the lock held again, and has used up no notification. A lock the caller does not hold: throws what its unlock throws.
    template <class Lock>
    void wait(Lock& lock) {
        wait_before(lock, never);
    }
    template <class Lock, class Predicate>
    void wait(Lock& lock, Predicate holds) {
        while (!holds()) wait_before(lock, never);
    }

    // As wait, but gives up at the deadline, with the lock held again: std::cv_status::timeout, or what the predicate then gives.
    template <class Lock, class Clock, class Duration>
    std::cv_status wait_until(Lock& lock, const std::chrono::time_point<Clock, Duration>& deadline) {
        return wait_before(lock, detail::deadline_at(deadline));
    }
    template <class Lock, class Clock, class Duration, class Predicate>
    bool wait_until(Lock& lock, const std::chrono::time_point<Clock, Duration>& deadline, Predicate holds) {
        return wait_before(lock, detail::deadline_at(deadline), holds);
    }
    template <class Lock, class Rep, class Period>
    std::cv_status wait_for(Lock& lock, const std::chrono::duration<Rep, Period>& duration) {
        return wait_before(lock, deadline_after(duration));
    }
    template <class Lock, class Rep, class Period, class Predicate>
    bool wait_for(Lock& lock, const std::chrono::duration<Rep, Period>& duration, Predicate holds) {
        return wait_before(lock, deadline_after(duration), holds);
    }

private:
    template <class Lock>
    std::cv_status wait_before(Lock& lock, clock::time_point deadline) {
        cancellation_point();
        wait_node node(this_waiter(), 0);
        enqueue(node); // before the unlock: who then changes the condition and notifies finds us
        try {
            lock.unlock();
        } catch (...) {
            abandon(node);
            throw;
        }
        const wake_cause cause = finish(node, deadline);
        {
            const cancellation_shield shield;
            lock.lock();
        }
        if (cause == wake_cause::cancelled) throw_cancelled();
        return cause == wake_cause::deadline ? std::cv_status::timeout : std::cv_status::no_timeout;
    }
    template <class Lock, class Predicate>
    bool wait_before(Lock& lock, clock::time_point deadline, Predicate& holds) {
        while (!holds())
            if (wait_before(lock, deadline) == std::cv_status::timeout) return holds();
        return true;
    }

    void enqueue(wait_node& node) noexcept;
    wake_cause finish(wait_node& node, clock::time_point deadline) noexcept;
    void abandon(wait_node& node) noexcept;

    spin_lock lock_;
    wait_queue queue_;
};

} // namespace weft
