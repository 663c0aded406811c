// SPDX-License-Identifier: BSL-1.0
#include "waiting/thread_waiter.hpp"

#include "base/check.hpp"
#include "base/thread_state.hpp"
#include "scheduler/process.hpp"
#include "waiting/futex.hpp"

#include <weft/waiting/race_edges.hpp>
#include <weft/waiting/spin_lock.hpp>

#include <exception>
#include <mutex>
#include <new>
#include <utility>

namespace weft {
namespace {

spin_lock free_lock;
thread_waiter* free_waiters = nullptr;

} // namespace

thread_waiter& thread_waiter::of_this_thread() noexcept {
    thread_state& state = this_thread_state();
    if (state.waiter != nullptr) return *state.waiter;
    {
        const std::lock_guard guard(free_lock);
        if (free_waiters != nullptr) state.waiter = std::exchange(free_waiters, free_waiters->next_);
    }
    if (state.waiter == nullptr) {
        const hidden_from_race_detector hidden;
        state.waiter = new (std::nothrow) thread_waiter;
    }
    if (state.waiter == nullptr) fatal("no memory for a thread to wait");
    release_state_at_thread_exit();
    return *state.waiter;
}

void thread_waiter::give_back(thread_waiter& unused) noexcept {
    unused.scopes.release_all();
    const std::lock_guard guard(free_lock);
    unused.next_ = free_waiters;
    free_waiters = &unused;
}

wake_cause thread_waiter::wait_until(clock::time_point deadline) noexcept {
    const process::waits_in_run counted(*this);
    const wait_epoch epoch = epoch_of(word());
    const bool shielded = shielded_now();
    const std::uint64_t before = commit_saved(shielded);
    if ((before & claimed) == 0 && !shielded &&
        (cancel_flags.load(std::memory_order_seq_cst) & pending) != 0 && // [C1] of scope_stack.hpp
        claim(epoch, wake_cause::cancelled))
        return wake_cause::cancelled;
    while (woken_.load(std::memory_order_acquire) == 0) { // [K4]
        if (futex_wait_until(woken_, 0, deadline)) continue;
        if (claim(epoch, wake_cause::deadline)) return wake_cause::deadline;
        deadline = never; // somebody else has claimed it and is about to wake it
    }
    woken_.store(0, std::memory_order_relaxed);
    return cause();
}

bool thread_waiter::shielded_now() const noexcept {
    return shielded(static_cast<unsigned>(std::uncaught_exceptions()));
}

void thread_waiter::unblock() noexcept {
    woken_.store(1, std::memory_order_release); // [K4]
    futex_wake_one(woken_);
}

} // namespace weft
