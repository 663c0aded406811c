// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/sys.hpp>

#include <atomic>

namespace weft {

// Guards a few instructions of a wait queue, a timer heap or a pool. Never held across a park, a callback of the user or a
// system call that may sleep. BasicLockable. An owner that lost its CPU is waited for asleep, in the kernel, after a short spin.
//
// word: 0 free, 1 held, 2 held and somebody sleeps. [L1] unlock releases, lock acquires: what the holder wrote.
class [[gnu::visibility("default")]] spin_lock {
public:
    void lock() noexcept {
        std::uint32_t expected = 0;
        if (!word_.compare_exchange_strong(expected, 1, std::memory_order_acquire, std::memory_order_relaxed))
            lock_slow();
    }
    bool try_lock() noexcept {
        std::uint32_t expected = 0;
        return word_.compare_exchange_strong(
            expected, 1, std::memory_order_acquire, std::memory_order_relaxed);
    }
    void unlock() noexcept {
        if (word_.exchange(0, std::memory_order_release) == 2) wake();
    }

private:
    void lock_slow() noexcept;
    void wake() noexcept;
    std::atomic<std::uint32_t> word_{0};
};

} // namespace weft
