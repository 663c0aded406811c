// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/sanitizer_fiber.hpp"

#include <weft/backend/sys.hpp>

#include <atomic>

namespace weft {

// A pair of fences of which the one that is passed often costs nothing, and the other one a system call: membarrier, which has
// every thread of the process pass a full fence. Where there is none, and for ThreadSanitizer, both are full ones.
struct asymmetric_fence {
    // Before the first worker runs.
    static void prepare() noexcept {
        static const bool registered = sys::membarrier_register();
        available.store(registered && !sanitized_thread, std::memory_order_relaxed);
    }

    template <class Flag>
    static void store_then_light(Flag& flag, bool value) noexcept {
        if (available.load(std::memory_order_relaxed)) {
            flag.store(value, std::memory_order_relaxed);
            std::atomic_signal_fence(std::memory_order_seq_cst);
        } else {
            flag.store(value, std::memory_order_seq_cst);
        }
    }
    static void heavy() noexcept {
        if (available.load(std::memory_order_relaxed)) sys::membarrier();
    }
    template <class Flag>
    static void wait_while(const Flag& flag) noexcept {
        for (int spins = 0; flag.load(std::memory_order_acquire); ++spins)
            if (spins < 100)
                sys::pause();
            else
                sys::nap(20'000);
    }

private:
    inline static std::atomic<bool> available{false}; // constant once a worker runs
};

} // namespace weft
