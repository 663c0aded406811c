// SPDX-License-Identifier: BSL-1.0
#include <weft/sync/condition_variable.hpp>
#include <weft/waiting/claimed_list.hpp>

#include <mutex>

// Purpose. A queue of waiters, each of which has its node in it before it unlocks: a notification made under the user's lock, or
// after it, finds everybody who had found the condition not to hold.
//
// Who may call. Any fiber or thread. A notification goes to exactly one waiter, the one whose node it claims; a deadline or a
// cancellation that claims it instead uses none up.
namespace weft {
namespace {

constexpr wait_reason reason{"a condition_variable"};

} // namespace

void condition_variable::notify_one() noexcept {
    claimed_list notified;
    const std::lock_guard guard(lock_);
    notified.claim_first(queue_);
}

void condition_variable::notify_all() noexcept {
    claimed_list notified;
    const std::lock_guard guard(lock_);
    notified.claim_all(queue_);
}

void condition_variable::enqueue(wait_node& node) noexcept {
    const std::lock_guard guard(lock_);
    node.epoch = node.who->arm(reason);
    queue_.push(node);
}

wake_cause condition_variable::finish(wait_node& node, clock::time_point deadline) noexcept {
    const wake_cause cause = park(deadline);
    if (cause != node.which) {
        const std::lock_guard guard(lock_);
        queue_.withdraw(node);
    }
    return cause;
}

// The lock could not be unlocked: there is no wait.
void condition_variable::abandon(wait_node& node) noexcept {
    if (node.claim()) {
        const std::lock_guard guard(lock_);
        queue_.withdraw(node);
        return;
    }
    park(); // who has notified us is about to wake us
    notify_one();
}

} // namespace weft
