// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/ready_list.hpp>
#include <weft/waiting/wait_queue.hpp>

namespace weft::net {

// Waiters claimed under a lock, to be woken after it. Linked through their own nodes, which live until their
// owners are woken.
class claimed_waiters {
public:
    // Empties the queue; those whose wait has not been ended by something else are claimed.
    void take(wait_queue& queue) noexcept {
        take_each(queue, [](const wait_node& node) { return node.claim(); });
    }
    void take(wait_queue& queue, wake_cause cause) noexcept {
        take_each(queue, [cause](const wait_node& node) { return node.who->claim(node.epoch, cause); });
    }

    void wake() noexcept {
        while (waiter* who = pop()) who->wake();
    }
    void wake(ready_list& batch) noexcept {
        while (waiter* who = pop()) who->wake(batch);
    }

private:
    template <class Claim>
    void take_each(wait_queue& queue, Claim claim) noexcept {
        while (wait_node* node = queue.front()) {
            queue.withdraw(*node);
            if (!claim(*node)) continue;
            node->next = nullptr;
            (last_ == nullptr ? first_ : last_->next) = node;
            last_ = node;
        }
    }
    // The node is not to be touched after its owner was woken, so it leaves the list first.
    waiter* pop() noexcept {
        if (first_ == nullptr) return nullptr;
        waiter* who = first_->who;
        first_ = first_->next;
        if (first_ == nullptr) last_ = nullptr;
        return who;
    }

    wait_node* first_ = nullptr;
    wait_node* last_ = nullptr;
};

} // namespace weft::net
