// SPDX-License-Identifier: BSL-1.0
#include "scheduler/sleeper.hpp"

#include "waiting/futex.hpp"

#include <weft/backend/sys.hpp>

namespace weft {

void sleeper::sleep(clock::time_point deadline) noexcept {
    std::uint32_t expected = awake;
    if (word_.compare_exchange_strong(expected, on_futex, std::memory_order_seq_cst)) // [W1]
        while (word_.load(std::memory_order_acquire) == on_futex)
            if (!futex_wait_until(word_, on_futex, deadline)) break;
    word_.exchange(awake, std::memory_order_acq_rel);
}

void sleeper::poll(
    const std::atomic<poller*>& poller_now, clock::time_point deadline, ready_list& batch) noexcept {
    std::uint32_t expected = awake;
    if (word_.compare_exchange_strong(expected, in_poller, std::memory_order_seq_cst)) // [W1]
        poller_now.load(std::memory_order_seq_cst)->wait(deadline, batch);
    word_.exchange(awake, std::memory_order_acq_rel);
}

void sleeper::wake(const std::atomic<poller*>& poller_now) noexcept {
    const std::uint32_t before = word_.exchange(notified, std::memory_order_seq_cst); // [W1]
    if (before == on_futex) futex_wake_one(word_);
    if (before == in_poller) poller_now.load(std::memory_order_seq_cst)->interrupt();
}

} // namespace weft
