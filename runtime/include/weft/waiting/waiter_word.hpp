// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstdint>

// The word of a waiter and its transitions; layout, protocol and order pairs: waiter.hpp. Apart from it so that a model can put
// in an atomic of its own: tests/model/waiter_model.cpp.
namespace weft {

using wait_epoch = std::uint32_t;

// What ended a wait: the number of the case that was claimed, or one of these.
enum class wake_cause : std::uint16_t { first_case = 0, deadline = 0xfffe, cancelled = 0xffff };

template <template <class> class Atomic = std::atomic>
class [[gnu::visibility("default")]] basic_waiter_word {
public:
    static constexpr std::uint64_t armed = 1, claimed = 2, saved = 4, woken = 8, shielded = 16;

    wait_epoch arm() noexcept {
        const wait_epoch epoch = epoch_of(word_.load(std::memory_order_relaxed)) + 1;
        word_.store(std::uint64_t{epoch} << 32 | armed, std::memory_order_relaxed); // [K3]
        return epoch;
    }

    // True: the caller alone has ended this wait, and must wake the owner soon.
    bool claim(wait_epoch epoch, wake_cause cause) noexcept {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        while (epoch_of(word) == epoch && (word & (armed | claimed)) == armed) {
            const std::uint64_t next =
                word | claimed | std::uint64_t{static_cast<std::uint16_t>(cause)} << 16;
            if (word_.compare_exchange_weak(
                    word, next, std::memory_order_acq_rel, std::memory_order_relaxed)) // [K2]
                return true;
        }
        return false;
    }

    // Right after the owner's context was saved. Gives the word as it was: with woken in it, the caller must schedule the owner.
    std::uint64_t commit_saved(bool shield) noexcept {
        return word_.fetch_add(saved | (shield ? shielded : 0), std::memory_order_seq_cst); // [K1] [C1]
    }

    // By whoever has claimed. True: the owner had been saved before, and the caller must schedule it.
    bool set_woken() noexcept {
        if ((word_.load(std::memory_order_acquire) & saved) != 0) return true;
        return (word_.fetch_or(woken, std::memory_order_acq_rel) & saved) != 0; // [K1]
    }

    wake_cause cause() const noexcept {
        return static_cast<wake_cause>(word_.load(std::memory_order_acquire) >> 16 & 0xffff);
    }
    std::uint64_t word() const noexcept { return word_.load(std::memory_order_seq_cst); } // [C1]
    static wait_epoch epoch_of(std::uint64_t word) noexcept { return static_cast<wait_epoch>(word >> 32); }

private:
    Atomic<std::uint64_t> word_{0};
};

} // namespace weft
