// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/race_edges.hpp>
#include <weft/waiting/ready_list.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <cstddef>

namespace weft {

// Waiters that were claimed under a lock and are woken, in the order in which they were claimed, when the list goes away, or before
// by wake(). It is declared before the guard of that lock, and so outlives it: nobody is woken while the lock is held. Linked
// through the nodes themselves, which live until their owners are woken.
class claimed_list {
public:
    claimed_list() = default;
    claimed_list(const claimed_list&) = delete;
    claimed_list& operator=(const claimed_list&) = delete;
    ~claimed_list() { wake(); }

    // Unlinks the node; false: something else has ended its wait. The form with a cause claims it for that, not for its own.
    bool claim(wait_queue& queue, wait_node& node) noexcept { return claim(queue, node, node.which); }
    bool claim(wait_queue& queue, wait_node& node, wake_cause cause) noexcept {
        queue.withdraw(node);
        if (!node.who->claim(node.epoch, cause)) return false;
        add_claimed(node);
        return true;
    }
    // One that is in no queue and whose waiter the caller has claimed.
    void add_claimed(wait_node& node) noexcept {
        node.next = nullptr;
        (last_ == nullptr ? first_ : last_->next) = &node;
        last_ = &node;
    }
    // The first that can be claimed; nullptr: nobody waits.
    wait_node* claim_first(wait_queue& queue) noexcept {
        while (wait_node* node = queue.front())
            if (claim(queue, *node)) return node;
        return nullptr;
    }
    // Empties the queue. Gives how many could be claimed.
    std::size_t claim_all(wait_queue& queue) noexcept {
        std::size_t count = 0;
        while (claim_first(queue) != nullptr) ++count;
        return count;
    }
    void claim_all(wait_queue& queue, wake_cause cause) noexcept {
        while (wait_node* node = queue.front()) claim(queue, *node, cause);
    }

    void wake() noexcept {
        while (waiter* who = pop()) who->wake();
    }
    void wake(ready_list& batch) noexcept {
        while (waiter* who = pop()) who->wake(batch);
    }

private:
    // The node is not to be touched after its owner was woken, so it leaves the list first.
    waiter* pop() noexcept {
        if (first_ == nullptr) return nullptr;
        const hidden_from_race_detector hidden; // the lock may have been
        waiter* who = first_->who;
        first_ = first_->next;
        if (first_ == nullptr) last_ = nullptr;
        return who;
    }

    wait_node* first_ = nullptr;
    wait_node* last_ = nullptr;
};

} // namespace weft
