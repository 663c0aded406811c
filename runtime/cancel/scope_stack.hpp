// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cancel/cancellable.hpp"

#include <weft/backend/clock.hpp>
#include <weft/cancelled.hpp>
#include <weft/detail/cancel_state.hpp>
#include <weft/detail/scope_frame.hpp>
#include <weft/waiting/claimed_list.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <cstdint>

// What may cancel the waits of one fiber or thread: itself as a whole (fiber::cancel, shutdown), and the scopes it is in.
//
// Purpose. Keeps cancellable::pending true to the word, so that a blocking call which nobody cancels looks at one atomic, and the
// commit of a park at the same one.
//
// Who may call. The owner: open, close, raise_if_due, deadline, adopt, leave_all. Any thread: request, fire, release.
//
// What counts. Scopes are numbered from the outside, the owner as a whole is 0. A shield hides those outside of it; so does a scope
// that is opened while more exceptions are in flight than when the one around it was: it belongs to a destructor that unwinding
// runs, and may have a deadline of its own, but is not cut short by what is being unwound. visible_from_ is the first that counts.
//
// Invariant, with lock_ free: pending <=> one that counts has fired. Deadlines do not fire: the owner looks at the clock, in
// raise_if_due and by parking no longer than deadline_; timed <=> deadline_ is not `never`.
//
// [C1] fire and request set `pending`, then read the waiter's word; a commit adds `saved` to the word, then reads `pending`. All
//      four are sequentially consistent, so either the firer finds a saved waiter to claim, or the commit finds `pending`.
//
// Groups. What was begun in a scope, but waits in fibers of its own (a task_group), is cancelled with it: the states adopted here.
// They go on when their scope ends, as part of the one around it.
//
// Lock order. The lock of a cancel_state, then lock_, then none. Who is claimed is woken after both are free.
// Memory. Part of a control block or thread waiter, which are never freed. A frame is taken from its tokens' lists before it is
// closed.
namespace weft {

class scope_stack {
public:
    explicit scope_stack(cancellable& owner) noexcept : owner_(owner) {}
    scope_stack(const scope_stack&) = delete;
    scope_stack& operator=(const scope_stack&) = delete;

    // Of the calling fiber, or thread.
    static scope_stack& current() noexcept;

    // Before the owner is published.
    void reset() noexcept;

    void open(detail::scope_frame& frame) noexcept;
    void close(detail::scope_frame& frame) noexcept;
    // Throws if something that counts has fired or is past its deadline. The outermost gives the reason.
    void raise_if_due();
    // The first one in force; never: none.
    clock::time_point deadline() const noexcept { return deadline_; }

    // Links the state to the innermost scope, and cancels it if something that counts has fired.
    void adopt(detail::adopted_state& state) noexcept;
    // Ends that. The state is not cancelled by it any more once it returns.
    static void release(detail::adopted_state& state) noexcept;
    // The owner ends; what it adopted goes on by itself.
    void release_all() noexcept;

    void request(const cancel_reason& why) noexcept;
    static void fire(detail::scope_frame& frame, detail::cancellation& run) noexcept;

private:
    void fire_here(detail::scope_frame& frame, detail::cancellation& run) noexcept;
    void interrupt(claimed_list& claimed) noexcept;
    void take_adopted(std::uint32_t depth, detail::cancellation& run) noexcept;
    const cancel_reason* outermost_fired() const noexcept;
    void settle_flags() noexcept;

    cancellable& owner_;
    detail::scope_frame* innermost_ = nullptr;
    clock::time_point deadline_ = clock::time_point::max();
    std::uint32_t visible_from_ = 0; // written under lock_
    bool has_adopted_ = false;       // the owner's: since it began
    spin_lock lock_;
    bool requested_ = false;
    cancel_reason why_requested_;
    detail::listener_list adopted_;
    wait_node wake_; // of whoever claimed the owner, until it is woken
};

} // namespace weft
