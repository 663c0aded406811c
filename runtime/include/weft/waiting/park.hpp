// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/waiting/waiter.hpp>

// The only way to suspend. A blocking call of weft, whatever it waits for, has this shape:
//
//     begin_operation();                                      // throws if the caller was cancelled before
//     waiter& me = this_waiter();
//     {   lock the thing; if it is ready: take it, return
//         node = wait_node(me, me.arm(reason)); queue.push(node);    unlock   }
//     const wake_cause cause = park(deadline);
//     if (cause != node.which) { lock; queue.withdraw(node); unlock }
//     if (cause == wake_cause::cancelled) throw_cancelled();
namespace weft {

// Waits for ever, where a deadline can be given.
inline constexpr clock::time_point never = clock::time_point::max();

// Suspends the calling fiber (or blocks the calling thread, on a futex) until its waiter, armed before, is claimed and woken.
// A deadline that has passed claims it with wake_cause::deadline, a cancellation with wake_cause::cancelled. Everything the
// waker wrote before wake() is visible afterwards.
[[gnu::visibility("default")]] wake_cause park(clock::time_point deadline = never) noexcept;

// Throws `cancelled` if the calling fiber, or a scope that it or the calling thread is in, has been cancelled or is past its deadline,
// unless that does not count: weft/cancel_scope.hpp.
[[gnu::visibility("default")]] void cancellation_point();
[[noreturn, gnu::visibility("default")]] void throw_cancelled();

// Counts one operation that did not wait against the calling fiber's slice, and yields when the slice is used up, so that a
// fiber whose channel or socket is always ready does not starve the others. A cancellation point when it yields.
[[gnu::visibility("default")]] void count_operation();

// What a blocking call begins with: cancellation_point() and count_operation() in one, at the price of one look at the fiber.
// Gives the calling fiber's waiter; nullptr on a plain thread, whose waiter this_waiter() makes if it has none yet.
[[gnu::visibility("default")]] waiter* begin_operation();

// While it lives, no blocking call of this fiber or thread is cancelled, whatever scopes are opened. For weft's own destructors.
class [[gnu::visibility("default")]] cancellation_shield {
public:
    cancellation_shield() noexcept;
    ~cancellation_shield();
    cancellation_shield(const cancellation_shield&) = delete;
    cancellation_shield& operator=(const cancellation_shield&) = delete;
};

} // namespace weft
