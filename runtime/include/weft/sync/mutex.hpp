// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/detail/deadline.hpp>
#include <weft/waiting/begin_lock.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace weft {

// Excludes fibers and plain threads from each other, of one runtime or several. Models std's TimedLockable: use it with
// std::lock_guard, std::unique_lock, std::scoped_lock. Not recursive. The fiber or thread that locked it unlocks it. To be
// destroyed while nobody holds it or waits for it.
//
// Fairness: first come, first served among those that wait; whoever comes along just when it is unlocked may be faster, but not
// than somebody who has waited for more than a millisecond: that one is handed the lock. Uncontended, locking and unlocking take
// one read-modify-write each. Happens before: an unlock, and every later lock.
class [[gnu::visibility("default")]] mutex {
public:
    constexpr mutex() noexcept = default;
    mutex(const mutex&) = delete;
    mutex& operator=(const mutex&) = delete;

    // Waits until it is free; blocks the calling fiber or thread. No cancellation point. Throws std::system_error
    // (resource_deadlock_would_occur) if the caller holds it already.
    void lock() {
        waiter& me = begin_lock();
        state_word seen = 0; // a guess: to look first costs half as much as the exchange itself
        if (!take(seen, me) && ((seen & owner_bits) != 0 || !take(seen, me))) lock_contended(me);
    }

    // Locks it if it is free. Never blocks.
    bool try_lock() noexcept {
        waiter& me = this_waiter();
        state_word seen = 0;
        while (!take(seen, me))
            if ((seen & owner_bits) != 0) return false;
        return true;
    }

    // As lock, but gives up at the deadline: false. Cancellation points. A free mutex is locked even if the deadline has passed.
    template <class Rep, class Period>
    bool try_lock_for(const std::chrono::duration<Rep, Period>& duration) {
        return lock_before(deadline_after(duration));
    }
    template <class Clock, class Duration>
    bool try_lock_until(const std::chrono::time_point<Clock, Duration>& deadline) {
        return lock_before(detail::deadline_at(deadline));
    }

    // Never blocks. Throws std::logic_error, which names who holds it, if the caller does not.
    void unlock() {
        waiter& me = this_waiter();
        state_word seen = word_of(me);
        if (!give_up(seen, 0) && (seen != (word_of(me) | waiting | woken) || !give_up(seen, waiting | woken)))
            unlock_contended(me);
    }

private:
    // owner:61 | handed_over | woken | waiting; see mutex.cpp
    using state_word = std::uintptr_t;
    static constexpr state_word waiting = 1, woken = 2, handed_over = 4, owner_bits = ~state_word{7};
    struct entry;

    static state_word word_of(const waiter& owner) noexcept { return reinterpret_cast<state_word>(&owner); }
    // From what the word was seen to be; false: it is not that any more, and `seen` is what it is now.
    bool take(state_word& seen, const waiter& me, state_word cleared = 0) noexcept {
        return state_.compare_exchange_strong(seen, (seen | word_of(me)) & ~cleared,
            std::memory_order_acquire, std::memory_order_relaxed); // [M1]
    }
    bool give_up(state_word& seen, state_word rest) noexcept {
        return state_.compare_exchange_strong(
            seen, rest, std::memory_order_release, std::memory_order_relaxed); // [M1]
    }
    void lock_contended(waiter& me);
    bool lock_before(clock::time_point deadline);
    void unlock_contended(waiter& me);
    void refuse_recursion(const waiter& me) const;
    bool wait_for_turn(waiter& me, clock::time_point deadline);
    bool take_soon(const waiter& me, state_word& owed) noexcept;
    bool take_or_mark(const waiter& me, state_word owed) noexcept;
    entry* claim_first() noexcept;

    std::atomic<state_word> state_{0};
    spin_lock lock_;
    std::atomic<unsigned> passed_over_{0};
    wait_queue queue_;
};

} // namespace weft
