// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/wait_queue.hpp>

#include <cstddef>
#include <utility>

namespace weft {

// Waiters that were claimed under a lock and are woken, in the order in which they were claimed, when the list goes away. It is
// declared before the guard of that lock, and so outlives it: nobody is woken while the lock is held.
class claimed_list {
public:
    claimed_list() = default;
    claimed_list(const claimed_list&) = delete;
    claimed_list& operator=(const claimed_list&) = delete;
    ~claimed_list() {
        while (first_ != nullptr) {
            waiter* who = first_->who;
            first_ = first_->next; // the node dies as soon as its owner runs
            who->wake();
        }
    }

    // Unlinks the node; false: something else has ended its wait.
    bool claim(wait_queue& queue, wait_node& node) noexcept {
        queue.withdraw(node);
        if (!node.claim()) return false;
        node.next = nullptr;
        (last_ == nullptr ? first_ : last_->next) = &node;
        last_ = &node;
        return true;
    }
    // The first that can be claimed; nullptr: nobody waits.
    wait_node* claim_first(wait_queue& queue) noexcept {
        while (wait_node* node = queue.front())
            if (claim(queue, *node)) return node;
        return nullptr;
    }
    // Gives how many there were.
    std::size_t claim_all(wait_queue& queue) noexcept {
        std::size_t count = 0;
        while (claim_first(queue) != nullptr) ++count;
        return count;
    }

private:
    wait_node* first_ = nullptr;
    wait_node* last_ = nullptr;
};

} // namespace weft
