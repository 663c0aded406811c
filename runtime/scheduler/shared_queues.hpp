// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "scheduler/fiber_list.hpp"

#include <weft/waiting/spin_lock.hpp>

#include <atomic>
#include <deque>
#include <mutex>
#include <new>
#include <utility>

// The two queues that all workers of a scheduler share. Any thread.
//
// inject: fibers made runnable by outsiders, and those woken or yielding that found the ring full. First in, first out.
// fresh: batches of fibers that have not begun, moved out of a ring that was full as more were spawned. The newest batch is taken first: a
// program that spawns a tree then walks it depth first, with few fibers alive at a time, where a queue would walk it breadth
// first with nearly all of them alive (skynet: 1,000,000). So that the old ones do not starve, a tick
// takes from the oldest batch; by time and seldom, since each time it opens one more branch of the tree.
//
// Order pair [S1]: the count leaves 0 by a sequentially consistent store: whoever pushes and then looks for sleepers, and whoever
// announces sleep and then looks at the count, cannot miss each other (idle_set.hpp, the last-searcher race).
namespace weft {

class shared_queues {
public:
    bool empty() const noexcept { return size_.load(std::memory_order_seq_cst) == 0; } // [S1]
    bool empty_approx() const noexcept { return size_.load(std::memory_order_relaxed) == 0; }
    bool nothing_injected_approx() const noexcept {
        return injected_size_.load(std::memory_order_relaxed) == 0;
    }

    void inject(fiber_control& fiber) noexcept {
        const std::lock_guard guard(lock_);
        injected_.push(fiber);
        count_in(1);
    }
    void inject(fiber_list fibers) noexcept {
        const std::lock_guard guard(lock_);
        const std::size_t count = fibers.size();
        injected_.append(fibers);
        count_in(count);
    }
    void add_fresh(fiber_list batch) noexcept {
        const std::lock_guard guard(lock_);
        const std::size_t count = batch.size();
        try {
            fresh_.push_back(batch);
        } catch (const std::bad_alloc&) {
            injected_.append(batch);
        }
        count_in(count);
    }

    // Up to `most` fibers for a worker that has nothing to do: a share of the injected ones or a fresh batch, in turn, since
    // fibers that yield fill the one and a program that spawns fills the other.
    fiber_list take(std::size_t most, std::size_t workers) noexcept {
        const std::lock_guard guard(lock_);
        fiber_list taken;
        if (!fresh_.empty() && (injected_.empty() || std::exchange(take_fresh_next_, !take_fresh_next_))) {
            taken = fresh_.back().take(most);
            if (fresh_.back().empty()) fresh_.pop_back();
        } else {
            const std::size_t share = injected_.size() / workers + 1;
            taken = injected_.take(share < most ? share : most);
        }
        count_out(taken.size());
        return taken;
    }
    // The fairness ticks, one fiber each: from both queues in turn, the fresh ones newest first; the oldest of the fresh ones.
    fiber_control* take_one() noexcept {
        const std::lock_guard guard(lock_);
        fiber_control* fiber = nullptr;
        if (!fresh_.empty() && (injected_.empty() || std::exchange(take_fresh_next_, !take_fresh_next_)))
            fiber = pop_fresh(fresh_.size() - 1);
        else
            fiber = injected_.pop();
        if (fiber != nullptr) count_out(1);
        return fiber;
    }
    fiber_control* take_oldest_fresh() noexcept {
        const std::lock_guard guard(lock_);
        if (fresh_.empty()) return nullptr;
        fiber_control* fiber = pop_fresh(0);
        count_out(1);
        return fiber;
    }

private:
    fiber_control* pop_fresh(std::size_t batch) noexcept {
        fiber_control* fiber = fresh_[batch].pop();
        if (fresh_[batch].empty()) fresh_.erase(fresh_.begin() + static_cast<std::ptrdiff_t>(batch));
        return fiber;
    }
    void count_in(std::size_t count) noexcept {
        const std::size_t before = size_.load(std::memory_order_relaxed); // changed under the lock alone
        size_.store(
            before + count, before == 0 ? std::memory_order_seq_cst : std::memory_order_relaxed); // [S1]
        injected_size_.store(injected_.size(), std::memory_order_relaxed);
    }
    void count_out(std::size_t count) noexcept {
        size_.store(size_.load(std::memory_order_relaxed) - count, std::memory_order_relaxed);
        injected_size_.store(injected_.size(), std::memory_order_relaxed);
    }

    std::atomic<std::size_t> size_{0};
    std::atomic<std::size_t> injected_size_{0};
    alignas(64) spin_lock lock_;
    bool take_fresh_next_ = false;
    fiber_list injected_;
    std::deque<fiber_list> fresh_;
};

} // namespace weft
