// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/detail/deadline.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <chrono>
#include <cstddef>

namespace weft {

class claimed_list;

// Held by one writer or by any number of readers, fibers and plain threads. Models std's SharedTimedMutex: use it with
// std::unique_lock and std::shared_lock. Not recursive: who holds it, to read or to write, must not lock it again. To be destroyed
// while nobody holds it or waits for it.
//
// Fairness: a waiting writer keeps new readers waiting; the readers that wait when a writer unlocks go all before the next writer.
// So neither starves. Among writers, first come, first served. Happens before: an unlock, and every later lock; an unlock_shared,
// and every later lock of a writer.
class [[gnu::visibility("default")]] shared_mutex {
public:
    constexpr shared_mutex() noexcept = default;
    shared_mutex(const shared_mutex&) = delete;
    shared_mutex& operator=(const shared_mutex&) = delete;

    // To write, and to read. Wait until it can be had; block the calling fiber or thread. No cancellation points. Throw
    // std::system_error (resource_deadlock_would_occur) if the caller is the writer who holds it.
    void lock() { lock_unconditionally(mode::write); }
    void lock_shared() { lock_unconditionally(mode::read); }

    // Lock it if it can be had at once. Never block.
    bool try_lock() noexcept;
    bool try_lock_shared() noexcept;

    // As lock, but give up at the deadline: false. Cancellation points. What can be had is taken even if the deadline has passed.
    template <class Rep, class Period>
    bool try_lock_for(const std::chrono::duration<Rep, Period>& duration) {
        return lock_before(mode::write, deadline_after(duration));
    }
    template <class Clock, class Duration>
    bool try_lock_until(const std::chrono::time_point<Clock, Duration>& deadline) {
        return lock_before(mode::write, detail::deadline_at(deadline));
    }
    template <class Rep, class Period>
    bool try_lock_shared_for(const std::chrono::duration<Rep, Period>& duration) {
        return lock_before(mode::read, deadline_after(duration));
    }
    template <class Clock, class Duration>
    bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration>& deadline) {
        return lock_before(mode::read, detail::deadline_at(deadline));
    }

    // Never blocks. Throws std::logic_error, which names who holds it, if the caller does not.
    void unlock();
    // Never blocks. Throws std::logic_error if nobody holds it to read.
    void unlock_shared();

private:
    enum class mode { read, write };

    void lock_unconditionally(mode how);
    bool lock_before(mode how, clock::time_point deadline);
    bool wait_for_turn(mode how, clock::time_point deadline);
    bool take(mode how, waiter& me) noexcept;
    void admit_readers(claimed_list& served) noexcept;
    void admit_writer(claimed_list& served) noexcept;

    spin_lock lock_;
    waiter* writer_ = nullptr;
    std::size_t readers_ = 0;
    wait_queue waiting_writers_;
    wait_queue waiting_readers_;
};

} // namespace weft
