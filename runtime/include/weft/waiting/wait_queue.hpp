// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/waiter.hpp>

#include <cstddef>

namespace weft {

// One entry of a waiter in one queue; lives on the waiting fiber's or thread's stack for the time of the wait.
struct wait_node {
    wait_node() = default;
    wait_node(waiter& owner, wait_epoch at, wake_cause number = wake_cause::first_case) noexcept
        : who(&owner),
          epoch(at),
          which(number) {}
    wait_node(const wait_node&) = delete;
    wait_node& operator=(const wait_node&) = delete;

    bool claim() const noexcept { return who->claim(epoch, which); }

    waiter* who = nullptr;
    wait_epoch epoch = 0;
    wake_cause which = wake_cause::first_case;
    bool queued = false;
    wait_node* next = nullptr;
    wait_node* previous = nullptr;
};

// First come, first served. Not thread-safe: guarded by the lock of what is waited for. A node is claimed and unlinked under
// that lock, and its owner takes the same lock to withdraw it; so after withdraw nobody can reach the node.
class wait_queue {
public:
    bool empty() const noexcept { return first_ == nullptr; }
    wait_node* front() const noexcept { return first_; }
    std::size_t size() const noexcept { // walks
        std::size_t count = 0;
        for (const wait_node* node = first_; node != nullptr; node = node->next) ++count;
        return count;
    }

    void push(wait_node& node) noexcept {
        node.previous = last_;
        node.next = nullptr;
        (last_ == nullptr ? first_ : last_->next) = &node;
        last_ = &node;
        node.queued = true;
    }
    // For a node that had been served first and got nothing: its turn is still the next.
    void push_front(wait_node& node) noexcept {
        node.previous = nullptr;
        node.next = first_;
        (first_ == nullptr ? last_ : first_->previous) = &node;
        first_ = &node;
        node.queued = true;
    }
    // Without effect on a node that is not queued any more.
    void withdraw(wait_node& node) noexcept {
        if (!node.queued) return;
        (node.previous == nullptr ? first_ : node.previous->next) = node.next;
        (node.next == nullptr ? last_ : node.next->previous) = node.previous;
        node.queued = false;
    }
    // Unlinks nodes from the front until one can be claimed, and gives its waiter, which is to be woken once the lock is
    // released; nullptr: nobody waits. The node itself dies as soon as its owner runs.
    waiter* claim_front() noexcept {
        while (wait_node* node = first_) {
            waiter* who = node->who;
            withdraw(*node);
            if (node->claim()) return who;
        }
        return nullptr;
    }

private:
    wait_node* first_ = nullptr;
    wait_node* last_ = nullptr;
};

} // namespace weft
