// SPDX-License-Identifier: BSL-1.0
#include <weft/channel_error.hpp>
#include <weft/detail/awaited.hpp>
#include <weft/waiting/source.hpp>

#include <stdexcept>
#include <string>

namespace weft::detail {

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
    claimed_list woken;
    const std::lock_guard held(lock_);
    if (closed()) return false;
    closed_.store(true, std::memory_order_relaxed);
    woken.claim_all(waiting_);
    refuse_senders(woken);
    return true;
}

void throw_moved_from(const char* place) {
    throw std::logic_error(std::string(place) + ": the handle was moved from");
}

} // namespace weft::detail
