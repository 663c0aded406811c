// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "base/asymmetric_fence.hpp"

#include <atomic>

// The run-next slot of a worker: one fiber that its owner puts in and nearly always takes out itself, which so costs no
// read-modify-write; a thief pays for both.
//
// Who may call. Owner: set, take. Thieves: steal. Anybody: full.
//
//   owner                                         thief
//     1. inside := true                             1. thief := true (exchange: one thief at a time)
//     2. light fence                       [N1]     2. heavy fence                         [N1]
//     3. thief? then inside := false, wait, 1       3. inside? then thief := false, nothing stolen
//     4. reads and writes the slot                  4. takes what is in the slot
//     5. inside := false                   [N2]     5. thief := false                      [N3]
//
// [N1] The heavy fence acts as if the owner had a full fence at that moment (membarrier): if its `inside := true` comes after it,
//      its look at `thief` does so, too, and finds the thief; else the thief finds it inside. Never are both in 4. Without
//      membarrier both fences are full ones.
// [N2] releases, the thief's look acquires: the slot, and the fiber in it.
// [N3] releases, the owner's look acquires: the slot is empty.
// The owner waits for a few instructions of a thief that has found it outside. Model: tests/model/run_queue_model.cpp.
namespace weft {

template <class T, template <class> class Atomic = std::atomic, class Fence = asymmetric_fence>
class basic_next_slot {
public:
    // Gives what was there.
    T* set(T* fiber) noexcept {
        enter();
        T* before = slot_.load(std::memory_order_relaxed);
        slot_.store(fiber, std::memory_order_release);
        inside_.store(false, std::memory_order_release); // [N2]
        return before;
    }
    T* take() noexcept {
        if (slot_.load(std::memory_order_relaxed) == nullptr) return nullptr;
        return set(nullptr);
    }
    T* steal() noexcept {
        if (!full() || thief_.exchange(true, std::memory_order_seq_cst)) return nullptr;
        T* stolen = nullptr;
        Fence::heavy();
        if (!inside_.load(std::memory_order_seq_cst)) { // [N1] [N2]
            stolen = slot_.load(std::memory_order_acquire);
            slot_.store(nullptr, std::memory_order_relaxed);
        }
        thief_.store(false, std::memory_order_release); // [N3]
        return stolen;
    }
    bool full() const noexcept { return slot_.load(std::memory_order_seq_cst) != nullptr; }

private:
    void enter() noexcept {
        for (;;) {
            Fence::store_then_light(inside_, true);
            if (!thief_.load(std::memory_order_seq_cst)) return; // [N1] [N3]
            inside_.store(false, std::memory_order_release);
            Fence::wait_while(thief_);
        }
    }

    Atomic<T*> slot_{nullptr};
    Atomic<bool> inside_{false};
    Atomic<bool> thief_{false};
};

} // namespace weft
