// SPDX-License-Identifier: BSL-1.0
#include <weft/waiting/spin_lock.hpp>

namespace weft {

// The spin covers the longest section guarded by such a lock several times over; the number was not tuned.
constexpr int spins = 100;

void spin_lock::lock_slow() noexcept {
    for (int i = 0; i < spins; ++i) {
        if (word_.load(std::memory_order_relaxed) == 0 && try_lock()) return;
        sys::pause();
    }
    while (word_.exchange(2, std::memory_order_acquire) != 0)
        sys::futex_wait(reinterpret_cast<const std::uint32_t*>(&word_), 2, -1);
}

void spin_lock::wake() noexcept { sys::futex_wake(reinterpret_cast<const std::uint32_t*>(&word_), 1); }

} // namespace weft
