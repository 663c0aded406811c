// SPDX-License-Identifier: BSL-1.0
#include "scheduler/timer_heap.hpp"

#include "base/check.hpp"
#include "fiber/fiber_control.hpp"
#include "scheduler/fiber_list.hpp"

#include <weft/waiting/timer_call.hpp>

#include <mutex>
#include <new>

namespace weft {

constexpr std::size_t children = 4;

bool timer_heap::arm(timer_node& node, clock::time_point when) noexcept {
    const std::lock_guard guard(lock_);
    node.heap = this;
    insert(node, when.time_since_epoch().count());
    publish_next();
    return node.place == 0;
}

void timer_heap::insert(timer_node& node, std::int64_t when) noexcept {
    const entry made{when, armed_++, &node};
    try {
        heap_.push_back(made);
    } catch (const std::bad_alloc&) {
        fatal("no memory to arm a timer beside %zu others", heap_.size());
    }
    rise(heap_.size() - 1, made);
}

bool timer_heap::disarm(timer_node& node) noexcept {
    if (node.heap == nullptr) return false;
    const std::lock_guard guard(node.heap->lock_);
    if (node.place == timer_node::nowhere) return false;
    node.heap->remove(node.place);
    node.heap->publish_next();
    return true;
}

void timer_heap::fire(clock::time_point now, ready_list& batch) noexcept {
    const std::lock_guard guard(lock_);
    while (!heap_.empty() && heap_.front().when <= now.time_since_epoch().count()) {
        timer_node& node = *heap_.front().node;
        const clock::time_point due{clock::duration(heap_.front().when)};
        remove(0);
        if (node.call != nullptr) {
            const clock::time_point again = node.call->fire(due, now, batch);
            if (again != clock::time_point::max()) insert(node, again.time_since_epoch().count());
            continue;
        }
        waiter& who = *node.who;
        if (who.claim(node.epoch, wake_cause::deadline)) who.wake(batch); // the node may be gone from here on
    }
    publish_next();
}

void timer_heap::forget_all() noexcept {
    fiber_list unstarted;
    {
        const std::lock_guard guard(lock_);
        for (const entry& each : heap_) {
            each.node->place = timer_node::nowhere;
            if (each.node->call == nullptr) continue;
            if (fiber_control* fiber = each.node->call->forgotten()) unstarted.push(*fiber);
        }
        heap_.clear();
        publish_next();
    }
    while (fiber_control* fiber = unstarted.pop()) detail::discard_unstarted(*fiber);
}

void timer_heap::remove(std::size_t place) noexcept {
    heap_[place].node->place = timer_node::nowhere;
    const entry last = heap_.back();
    heap_.pop_back();
    if (place == heap_.size()) return;
    if (place > 0 && last.before(heap_[(place - 1) / children]))
        rise(place, last);
    else
        sink(place, last);
}

void timer_heap::rise(std::size_t place, entry moving) noexcept {
    while (place > 0) {
        const std::size_t parent = (place - 1) / children;
        if (!moving.before(heap_[parent])) break;
        put(place, heap_[parent]);
        place = parent;
    }
    put(place, moving);
}

void timer_heap::sink(std::size_t place, entry moving) noexcept {
    for (;;) {
        std::size_t first = place * children + 1;
        if (first >= heap_.size()) break;
        std::size_t least = first;
        for (std::size_t child = first + 1; child < first + children && child < heap_.size(); ++child)
            if (heap_[child].before(heap_[least])) least = child;
        if (!heap_[least].before(moving)) break;
        put(place, heap_[least]);
        place = least;
    }
    put(place, moving);
}

void timer_heap::put(std::size_t place, entry moving) noexcept {
    heap_[place] = moving;
    moving.node->place = place;
}

void timer_heap::publish_next() noexcept {
    const std::int64_t next = heap_.empty() ? nothing : heap_.front().when;
    if (next_.load(std::memory_order_relaxed) != next) next_.store(next, std::memory_order_seq_cst); // [T1]
}

} // namespace weft
