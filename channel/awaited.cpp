// SPDX-License-Identifier: BSL-1.0
#include <weft/channel_error.hpp>
#include <weft/detail/awaited.hpp>
#include <weft/waiting/source.hpp>

#include <stdexcept>
#include <string>

namespace weft::detail {

wake_list::~wake_list() {
    while (first_ != nullptr) {
        waiter* who = first_->who;
        first_ = first_->next; // the node dies as soon as its owner runs
        who->wake();
    }
}

void wake_list::add(wait_node& claimed) noexcept {
    claimed.next = nullptr;
    (first_ == nullptr ? first_ : last_->next) = &claimed;
    last_ = &claimed;
}

void wake_list::add_all(wait_queue& waiting) noexcept {
    while (wait_node* node = waiting.front()) {
        waiting.withdraw(*node);
        if (node->claim()) add(*node);
    }
}

awaited::awaited() noexcept : rank_(new_lock_rank()) {}

std::size_t awaited::waiting() noexcept {
    const std::lock_guard held(lock_);
    return waiting_.size();
}

void awaited::arm(wait_node& node, const wait_reason& reason) noexcept {
    waiter& me = this_waiter();
    node.who = &me;
    node.epoch = me.arm(reason);
}

bool awaited::park_in(wait_queue& queue, wait_node& node, clock::time_point deadline) {
    const wake_cause cause = park(deadline);
    if (cause == node.which) return true;
    {
        const std::lock_guard held(lock_);
        queue.withdraw(node);
    }
    if (cause == wake_cause::cancelled) throw_cancelled();
    return false;
}

void publication::owner_left() noexcept {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) close_once();
}

void publication::close(const char* place) {
    if (!close_once()) throw channel_closed(place);
}

bool publication::close_once() noexcept {
    wake_list woken;
    const std::lock_guard held(lock_);
    if (closed()) return false;
    closed_.store(true, std::memory_order_relaxed);
    woken.add_all(waiting_);
    refuse_senders(woken);
    return true;
}

void throw_moved_from(const char* place) {
    throw std::logic_error(std::string(place) + ": the handle was moved from");
}

} // namespace weft::detail
