// SPDX-License-Identifier: BSL-1.0
#include "tls/admission.hpp"

#include <weft/waiting/claimed_list.hpp>
#include <weft/waiting/park.hpp>

#include <mutex>

namespace weft::net {

admission::outcome admission::enter(const party& who, const conditions& until, const wait_reason& reason) {
    for (;;) {
        cancellation_point();
        waiter& me = this_waiter();
        entry node(me, 0);
        node.of = &who;
        clock::time_point deadline;
        {
            const std::scoped_lock guard(lock_);
            if (who.dismissed()) return outcome::dismissed;
            if (free_ > 0) {
                --free_;
                return outcome::admitted;
            }
            deadline = until.deadline();
            node.epoch = me.arm(reason);
            queue_.push(node);
        }
        const wake_cause cause = park(deadline);
        if (cause == node.which) return outcome::admitted;
        {
            const std::scoped_lock guard(lock_);
            queue_.withdraw(node);
        }
        if (cause == wake_cause::cancelled) throw_cancelled();
        if (cause == wake_cause::deadline && until.deadline() == deadline) return outcome::expired;
    }
}

bool admission::try_enter() noexcept {
    const std::scoped_lock guard(lock_);
    if (free_ == 0) return false;
    --free_;
    return true;
}

void admission::leave() noexcept {
    waiter* next = nullptr;
    {
        const std::scoped_lock guard(lock_);
        next = queue_.claim_front();
        if (next == nullptr) ++free_;
    }
    if (next != nullptr) next->wake();
}

void admission::look_again(const party& who) noexcept {
    claimed_list claimed;
    const std::scoped_lock guard(lock_);
    for (wait_node* node = queue_.front(); node != nullptr;) {
        wait_node* const next = node->next;
        if (static_cast<entry*>(node)->of == &who) claimed.claim(queue_, *node, conditions_changed);
        node = next;
    }
}

} // namespace weft::net
