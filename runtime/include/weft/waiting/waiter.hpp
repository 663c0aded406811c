// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/wait_reason.hpp>
#include <weft/waiting/waiter_word.hpp>

#include <atomic>
#include <cstdint>

// The one way to wait: who waits, and the word by which exactly one event ends the wait.
//
// Purpose. A fiber or plain thread that waits for anything arms its waiter, puts wait_nodes that name it into the queues of
// whatever may end the wait, and parks. The first event to claim() the waiter owns the wake-up: it may write the result (a
// value handed over) and then calls wake(). Everybody else fails to claim and goes away.
//
// Who may call. Owner (the fiber or thread itself): arm, cause, park (park.hpp). Any thread: claim, and, once after a claim
// of its own that succeeded, wake.
//
// Word.  epoch:32 | cause:16 | flags:16
//   epoch    counts the owner's waits; written by arm            cause   which case ended it; written by claim
//   armed    a wait is going on                                  claimed its end has been decided
//   saved    the fiber's context is saved: it may be resumed     woken   wake() came before the context was saved
//   shielded cancellation leaves this wait alone; set together with saved
//
// Transitions.  arm (owner): epoch+1, armed        claim: armed, not claimed, same epoch -> claimed, cause
//               wake: saved -> hands the fiber to its scheduler; not saved -> sets woken and leaves that to commit
//               commit (whoever runs on the worker right after the owner's switch): sets saved; finds woken -> hands over
//   Hence a fiber is handed to its scheduler exactly once a wait: by wake if saved came first, else by commit.
//
// The park race, in two recipes:
//   waker                                        parker
//     claim, write the result                      arm, publish nodes, switch away
//     see saved? if not: set woken [K1]            commit: set saved [K1]
//     schedule if saved was there before           schedule if woken was there before
//   [K1] both are read-modify-writes of the one word, so each sees the other's bit or is seen by it.
//
// Order pairs.
//   [K2] claim acquires what commit released (the saved context); what the waker writes between claim and wake reaches the
//        owner through the run queue (wake saw saved) or through [K1] (release by woken, acquire by commit).
//   [K3] arm is relaxed: other threads learn of the wait through the queue's lock, and cancellation, which knows the waiter
//        without a queue, through the order pair [C1] of cancellation.
//
// Stale wakers. Waiters are never freed, only used again, and every claim names its epoch: a waker that comes late finds
// another epoch. Memory: fibers' waiters lie in their control blocks, threads' ones in a list that only grows.
// Model: tests/model/waiter_model.cpp.
namespace weft {

class scheduler;
class ready_list;

class [[gnu::visibility("default")]] waiter : protected basic_waiter_word<> {
public:
    using basic_waiter_word::armed, basic_waiter_word::claimed, basic_waiter_word::saved,
        basic_waiter_word::woken, basic_waiter_word::shielded;
    using basic_waiter_word::claim, basic_waiter_word::cause, basic_waiter_word::word,
        basic_waiter_word::epoch_of;

    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

    wait_epoch arm(const wait_reason& reason) noexcept {
        reason_.store(&reason, std::memory_order_relaxed);
        return basic_waiter_word::arm();
    }

    // Makes the owner go on: at once if called by a worker of its scheduler that is about to park, else as soon as a worker
    // takes it. The form with a list leaves the scheduling of several to the end of a batch.
    void wake() noexcept;
    void wake(ready_list& batch) noexcept;

    const wait_reason* reason() const noexcept { return reason_.load(std::memory_order_relaxed); }
    bool is_fiber() const noexcept { return home_.load(std::memory_order_relaxed) != nullptr; }

protected:
    explicit waiter(scheduler* home) noexcept : home_(home) {}
    ~waiter() = default;

    std::atomic<const wait_reason*> reason_{nullptr};
    // nullptr: a plain thread. Constant while anybody may wake it; atomic for ThreadSanitizer, which is not shown every lock by
    // which a waiter is published (race_edges.hpp).
    std::atomic<scheduler*> home_;
};

// The calling fiber's waiter, or the calling thread's where there is no fiber.
[[gnu::visibility("default")]] waiter& this_waiter() noexcept;

} // namespace weft
