// SPDX-License-Identifier: BSL-1.0
#include <weft/sync/barrier.hpp>
#include <weft/waiting/claimed_list.hpp>

#include <mutex>
#include <stdexcept>
#include <string>

// Who may call. Any fiber or thread; advance: whoever arrived last, once.
//
// Invariant. missing_ is zero while the completion runs, and only then, or if nobody is expected any more: nobody may arrive.
//
// [L1] of spin_lock.hpp orders an arrival before the last one, and advance before those who come to wait later; those who waited
// are woken after it. Memory: the last touch of whoever arrives, or advances, is to give lock_ back.
namespace weft::detail {
namespace {

constexpr wait_reason reason{"a barrier"};

} // namespace

phases::phases(std::ptrdiff_t expected) : expected_(expected), missing_(expected) {
    if (expected < 0)
        throw std::invalid_argument(
            "weft::barrier: the expected count is negative: " + std::to_string(expected));
}

phases::arrival phases::arrive(std::ptrdiff_t n, bool drop) {
    const std::lock_guard guard(lock_);
    if (n <= 0 || n > missing_)
        throw std::logic_error("weft::barrier: arrive(" + std::to_string(n) +
            ") in a phase that still expects " + std::to_string(missing_));
    missing_ -= n;
    if (drop) --expected_;
    return {phase_, missing_ == 0};
}

void phases::advance() noexcept {
    claimed_list released;
    const std::lock_guard guard(lock_);
    ++phase_;
    missing_ = expected_;
    released.claim_all(queue_);
}

void phases::wait(std::uint64_t phase) {
    begin_operation();
    waiter& me = this_waiter();
    wait_node node(me, 0);
    {
        const std::lock_guard guard(lock_);
        if (phase_ != phase) return;
        node.epoch = me.arm(reason);
        queue_.push(node);
    }
    if (park() != wake_cause::cancelled) return;
    {
        const std::lock_guard guard(lock_);
        queue_.withdraw(node);
    }
    throw_cancelled();
}

} // namespace weft::detail
