// SPDX-License-Identifier: BSL-1.0
#include <weft/sync/semaphore.hpp>
#include <weft/waiting/claimed_list.hpp>
#include <weft/waiting/park.hpp>

#include <mutex>
#include <stdexcept>
#include <string>

// Purpose. Permits and the queue of those who wait for some, under one spin lock.
//
// Who may call. Any fiber or thread all of it; an acquire_source: the engine of select.
//
// Invariant. Without lock_ held, the first in the queue, if it can still be claimed, wants more than is available. So whatever
// adds permits or takes the first out of the queue serves on from the front (serve); a claimed waiter has its permits already.
//
// [L1] of spin_lock.hpp orders a release before the acquires that follow it; one that waited is woken after it.
//
// Memory. Nobody touches the semaphore after giving lock_ back, but who waits.
namespace weft {
namespace {

constexpr wait_reason reason{"a semaphore"};

} // namespace

// Under lock_.
bool counting_semaphore::take(std::size_t n) noexcept {
    if (!queue_.empty() || available_ < n) return false;
    available_ -= n;
    return true;
}

// Under lock_. Gives permits to the first ones in the queue, as far as there are any.
void counting_semaphore::serve(claimed_list& served) noexcept {
    while (wait_node* first = queue_.front()) {
        const std::size_t wanted = static_cast<entry*>(first)->wanted;
        if (wanted > available_) return;
        if (served.claim(queue_, *first)) available_ -= wanted;
    }
}

bool counting_semaphore::try_acquire(std::size_t n) noexcept {
    const std::lock_guard guard(lock_);
    return take(n);
}

bool counting_semaphore::acquire_before(std::size_t n, clock::time_point deadline) {
    begin_operation();
    waiter& me = this_waiter();
    entry node(me, 0);
    node.wanted = n;
    {
        const std::lock_guard guard(lock_);
        if (take(n)) return true;
        node.epoch = me.arm(reason);
        queue_.push(node);
    }
    const wake_cause cause = park(deadline);
    if (cause == node.which) return true;
    {
        claimed_list served;
        const std::lock_guard guard(lock_);
        queue_.withdraw(node);
        serve(served);
    }
    if (cause == wake_cause::cancelled) throw_cancelled();
    return false;
}

void counting_semaphore::release(std::size_t n) {
    claimed_list served;
    const std::lock_guard guard(lock_);
    if (n > max() - available_)
        throw std::logic_error("weft::counting_semaphore: release(" + std::to_string(n) + ") with " +
            std::to_string(available_) + " permits available exceeds the most there may be, " +
            std::to_string(max()));
    available_ += n;
    serve(served);
}

namespace detail {

acquire_source::acquire_source(counting_semaphore& of, std::size_t n) noexcept
    : source(&of.lock_, of.rank_, node_),
      of_(of) {
    node_.wanted = n;
}

bool acquire_source::take() { return of_.take(node_.wanted); }
void acquire_source::enqueue() noexcept { of_.queue_.push(node_); }

// Wakes under the lock, which the engine holds and gives back: those behind a big waiter that leaves. None of them can destroy the
// semaphore meanwhile: this select still uses it.
void acquire_source::withdraw() noexcept {
    claimed_list served;
    of_.queue_.withdraw(node_);
    of_.serve(served);
}

} // namespace detail
} // namespace weft
