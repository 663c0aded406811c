// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "scheduler/next_slot.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <new>

// A worker's run queue: a ring of 256 and a run-next slot.
//
// Purpose. Runnable fibers of one worker, first in first out; what was just woken goes into the run-next slot and runs next.
// Who may call. Owner (the worker): push, pop, set_next, take_next, take_half. Thieves (other workers): steal, steal_next.
// Source. The ring is that of Go's scheduler (runqput, runqget, runqgrab in proc.go): head moves by CAS, since owner and
// thieves take from it; tail is written by the owner alone. Unlike there, what does not fit is handed to the caller.
//
// Layout. head, tail: counters modulo 2^32; ring index = counter modulo capacity.
// Invariants. head <= tail <= head + capacity (as wrapped differences). Slots [head, tail) hold fibers; the owner writes a slot
// only while it is outside [head, tail).
// Transitions. push: slot written, then tail + 1 [Q1]. pop, steal: slots read, then head moved by CAS [Q2]; a CAS that fails
// throws away what was read, so a fiber is taken exactly once. A counter that wraps fully between read and CAS would need 2^32
// operations in that time.
// Order pairs.
//   [Q1] push releases tail, thieves acquire it: slot and fiber. Slots are atomic because a thief may read one that the
//        owner is overwriting; its CAS then fails.
//   [Q2] the CAS of head releases, push acquires head: a slot is overwritten only after it was read.
//   The run-next slot: next_slot.hpp.
// Memory. Fibers are not owned. Model: tests/model/run_queue_model.cpp.
namespace weft {

template <class T, std::uint32_t Capacity, template <class> class Atomic = std::atomic,
    class Fence = asymmetric_fence>
class basic_run_queue {
    static_assert((Capacity & (Capacity - 1)) == 0 && Capacity >= 2);

public:
    static constexpr std::uint32_t capacity = Capacity;

    // The counters begin anywhere; tests let them begin just before they wrap.
    explicit basic_run_queue(std::uint32_t start = 0) noexcept : head_(start), tail_(start) {}

    // --- owner

    // False: the ring is full and unchanged. `then_looks_for_sleepers`: sequentially consistent, see idle_set.hpp.
    bool push(T* fiber, bool then_looks_for_sleepers) noexcept {
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);           // its own
        if (tail - head_.load(std::memory_order_acquire) >= Capacity) return false; // [Q2]
        slot(tail).store(fiber, std::memory_order_relaxed);
        if (then_looks_for_sleepers)
            tail_.store(tail + 1, std::memory_order_seq_cst); // [Q1] [I1]
        else
            tail_.store(tail + 1, std::memory_order_release); // [Q1]
        return true;
    }
    T* pop() noexcept {
        std::uint32_t head = head_.load(std::memory_order_relaxed);
        for (;;) {
            if (head == tail_.load(std::memory_order_relaxed)) return nullptr; // its own
            T* fiber = slot(head).load(std::memory_order_relaxed);             // its own store
            if (head_.compare_exchange_weak(
                    head, head + 1, std::memory_order_acq_rel, std::memory_order_relaxed)) // [Q2]
                return fiber;
        }
    }
    // Takes the older half of a full ring; the number taken may be 0 if thieves were faster.
    template <class Sink>
    std::uint32_t take_half(Sink sink) noexcept {
        std::uint32_t head = head_.load(std::memory_order_relaxed);
        const std::uint32_t count = (tail_.load(std::memory_order_relaxed) - head) / 2;
        if (count == 0) return 0;
        std::array<T*, Capacity / 2> taken;
        for (std::uint32_t i = 0; i < count; ++i) taken[i] = slot(head + i).load(std::memory_order_relaxed);
        if (!head_.compare_exchange_strong(
                head, head + count, std::memory_order_acq_rel, std::memory_order_relaxed)) // [Q2]
            return 0;
        for (std::uint32_t i = 0; i < count; ++i) sink(taken[i]);
        return count;
    }
    // Puts a fiber into the run-next slot; gives the one that was there.
    T* set_next(T* fiber) noexcept { return next_.set(fiber); }
    T* take_next() noexcept { return next_.take(); }

    // --- thieves

    // Moves half of this ring, rounded up, into the empty ring of the thief, but for one fiber which is returned.
    T* steal(basic_run_queue& thief) noexcept {
        const std::uint32_t to = thief.tail_.load(std::memory_order_relaxed); // the thief's own
        std::uint32_t head = head_.load(std::memory_order_acquire);
        for (;;) {
            const std::uint32_t tail = tail_.load(std::memory_order_acquire); // [Q1]
            std::uint32_t count = tail - head;
            count -= count / 2;
            if (count == 0) return nullptr;
            if (count > Capacity / 2) { // head and tail were not read at one instant
                head = head_.load(std::memory_order_acquire);
                continue;
            }
            for (std::uint32_t i = 0; i < count; ++i)
                thief.slot(to + i).store(
                    slot(head + i).load(std::memory_order_relaxed), std::memory_order_relaxed);
            if (head_.compare_exchange_weak(
                    head, head + count, std::memory_order_acq_rel, std::memory_order_acquire)) { // [Q2]
                thief.tail_.store(to + count - 1, std::memory_order_release);                    // [Q1]
                return thief.slot(to + count - 1).load(std::memory_order_relaxed);
            }
        }
    }
    T* steal_next() noexcept { return next_.steal(); }

    // --- anybody

    // Sequentially consistent for the last-searcher race; on x86-64 and AArch64 that costs a load no more than acquire.
    bool has_next() const noexcept { return next_.full(); }
    bool ring_empty() const noexcept {
        return head_.load(std::memory_order_seq_cst) == tail_.load(std::memory_order_seq_cst);
    }
    std::uint32_t size_approx() const noexcept {
        const std::uint32_t head = head_.load(std::memory_order_relaxed);
        return tail_.load(std::memory_order_relaxed) - head;
    }

private:
    Atomic<T*>& slot(std::uint32_t at) noexcept { return ring_[at & (Capacity - 1)]; }

    alignas(64) Atomic<std::uint32_t> head_;
    alignas(64) Atomic<std::uint32_t> tail_;
    basic_next_slot<T, Atomic, Fence> next_;
    alignas(64) std::array<Atomic<T*>, Capacity> ring_{};
};

struct fiber_control;
using run_queue = basic_run_queue<fiber_control, 256>;

} // namespace weft
