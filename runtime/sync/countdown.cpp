// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/countdown.hpp>
#include <weft/waiting/claimed_list.hpp>
#include <weft/waiting/park.hpp>

#include <mutex>

// Purpose. The part that wait_group and latch share.
//
// Who may call. Any fiber or thread.
//
// Invariants.
//   a change from above zero to above zero is one read-modify-write; any other is made under lock_
//   count zero, lock_ free  =>  nobody in the queue can be claimed
//
// [W1] Every change releases and acquires: whoever makes it zero has seen what the others did before theirs, and hands that on by
//      lock_ to those who come to wait later, by claim and wake to those who waited.
//
// Memory. Whoever has waited may destroy it. So zero is looked at under lock_ alone: whoever finds it there comes after the one who
// made it zero has given lock_ back, its last touch; and the others have made theirs by the change itself.
namespace weft::detail {
namespace {

countdown::change_result add(std::ptrdiff_t before, std::ptrdiff_t by, std::ptrdiff_t& after) noexcept {
    if (__builtin_add_overflow(before, by, &after)) return countdown::change_result::too_big;
    return after < 0 ? countdown::change_result::below_zero : countdown::change_result::done;
}

} // namespace

countdown::change_result countdown::change(std::ptrdiff_t by, std::ptrdiff_t& before) noexcept {
    before = count_.load(std::memory_order_relaxed);
    std::ptrdiff_t after = 0;
    while (before > 0) {
        if (const change_result result = add(before, by, after); result != change_result::done) return result;
        if (after == 0) break;
        if (count_.compare_exchange_weak(
                before, after, std::memory_order_acq_rel, std::memory_order_relaxed)) // [W1]
            return change_result::done;
    }

    claimed_list released;
    const std::lock_guard guard(lock_);
    before = count_.load(std::memory_order_relaxed);
    do {
        if (const change_result result = add(before, by, after); result != change_result::done) return result;
    } while (!count_.compare_exchange_weak(
        before, after, std::memory_order_acq_rel, std::memory_order_relaxed)); // [W1]
    if (after == 0) released.claim_all(queue_);
    return change_result::done;
}

bool countdown::is_zero() noexcept {
    const std::lock_guard guard(lock_);
    return count_.load(std::memory_order_relaxed) == 0; // made so under lock_
}

bool countdown::wait(const wait_reason& reason, clock::time_point deadline) {
    begin_operation();
    waiter& me = this_waiter();
    wait_node node(me, 0);
    {
        const std::lock_guard guard(lock_);
        if (count_.load(std::memory_order_relaxed) == 0) return true;
        node.epoch = me.arm(reason);
        queue_.push(node);
    }
    const wake_cause cause = park(deadline);
    if (cause == node.which) return true;
    {
        const std::lock_guard guard(lock_);
        queue_.withdraw(node);
    }
    if (cause == wake_cause::cancelled) throw_cancelled();
    return false;
}

} // namespace weft::detail
