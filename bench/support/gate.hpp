// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/park.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>
#include <weft/waiting/wait_reason.hpp>

#include <cstddef>
#include <mutex>

namespace bench {

// The shortest way that weft has to park one fiber and wake another: a queue of waiters and a count of
// tickets, on the extension API that channels and locks are built on.
class gate {
public:
    // Takes a ticket, and waits for one while there is none.
    void pass() {
        weft::cancellation_point();
        weft::waiter& me = weft::this_waiter();
        std::unique_lock guard(lock_);
        if (tickets_ > 0) {
            --tickets_;
            return;
        }
        weft::wait_node node(me, me.arm(reason));
        waiting_.push(node);
        guard.unlock();
        const weft::wake_cause cause = weft::park();
        if (cause == node.which) return;
        guard.lock();
        waiting_.withdraw(node);
        guard.unlock();
        weft::throw_cancelled();
    }

    void open_for_one() {
        weft::waiter* next = nullptr;
        {
            const std::lock_guard guard(lock_);
            next = waiting_.claim_front();
            if (next == nullptr) ++tickets_;
        }
        if (next != nullptr) next->wake();
    }

private:
    static constexpr weft::wait_reason reason{"a bench's gate"};
    weft::spin_lock lock_;
    weft::wait_queue waiting_;
    std::size_t tickets_ = 0;
};

} // namespace bench
