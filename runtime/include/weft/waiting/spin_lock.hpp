// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/sys.hpp>

#include <atomic>

namespace weft {

// Guards a few instructions of a wait queue, a channel, a timer heap or a pool. Never held across a park, a callback of the
// user or a system call that may sleep. BasicLockable. Unlocking is a plain store: nobody can sleep in the kernel until it is
// told of it, so whoever waits for an owner that lost its CPU naps, longer each time, after a short spin.
//
// [L1] unlock releases, lock acquires: what the holder wrote.
class [[gnu::visibility("default")]] spin_lock {
public:
    void lock() noexcept {
        if (held_.exchange(true, std::memory_order_acquire)) lock_slow();
    }
    bool try_lock() noexcept {
        return !held_.load(std::memory_order_relaxed) && !held_.exchange(true, std::memory_order_acquire);
    }
    void unlock() noexcept { held_.store(false, std::memory_order_release); }

private:
    void lock_slow() noexcept;
    std::atomic<bool> held_{false};
};

} // namespace weft
