// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/waiting/ready_list.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/timer_node.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

// The timers armed by one worker.
//
// Purpose. Ends waits at their deadlines, and makes the calls that are due. A heap of four children a node, over {when, number} so
// that equal deadlines fire in the order they were armed; a node knows its place, so disarming removes it at once and nothing is left behind.
// Who may call. Any thread, all of it: whoever finds a timer due fires it, so a worker that is stuck delays nobody.
// Invariant. A node is in the heap exactly if its place is not `nowhere`; both change under the lock, and a waiter is claimed
// under it, or a call made; so after disarm() nobody can reach the node.
// Order pair. [T1] next_ is stored sequentially consistent: see timer_watch.hpp.
namespace weft {

class timer_heap : public std::enable_shared_from_this<timer_heap> {
public:
    timer_heap() = default;
    timer_heap(const timer_heap&) = delete;
    timer_heap& operator=(const timer_heap&) = delete;

    // True: it is now the first to fire.
    bool arm(timer_node& node, clock::time_point when) noexcept;
    // True: it was armed.
    static bool disarm(timer_node& node) noexcept;
    // Claims the waiters of all timers due, with wake_cause::deadline, and puts those it got into the list; makes the calls.
    void fire(clock::time_point now, ready_list& batch) noexcept;

    // No worker fires them any more.
    void forget_all() noexcept;

    // When the first timer is due; clock::time_point::max(): there is none.
    clock::time_point next() const noexcept {
        return clock::time_point(clock::duration(next_.load(std::memory_order_seq_cst))); // [T1]
    }
    bool due(clock::time_point now) const noexcept {
        return next_.load(std::memory_order_relaxed) <= now.time_since_epoch().count();
    }
    bool empty_approx() const noexcept { return next_.load(std::memory_order_relaxed) == nothing; }

private:
    static constexpr std::int64_t nothing = clock::time_point::max().time_since_epoch().count();

    struct entry {
        std::int64_t when;
        std::uint64_t number;
        timer_node* node;
        bool before(const entry& other) const noexcept {
            return when != other.when ? when < other.when : number < other.number;
        }
    };

    void insert(timer_node& node, std::int64_t when) noexcept;
    void remove(std::size_t place) noexcept;
    void rise(std::size_t place, entry moving) noexcept;
    void sink(std::size_t place, entry moving) noexcept;
    void put(std::size_t place, entry moving) noexcept;
    void publish_next() noexcept;

    std::atomic<std::int64_t> next_{nothing};
    spin_lock lock_;
    std::uint64_t armed_ = 0;
    std::vector<entry> heap_;
};

} // namespace weft
