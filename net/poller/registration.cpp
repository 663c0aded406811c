// SPDX-License-Identifier: BSL-1.0
#include "poller/registration.hpp"

#include "poller/registration_pool.hpp"
#include "poller/system_poller.hpp"

#include <weft/backend/sys.hpp>

#include <algorithm>
#include <system_error>
#include <utility>

namespace weft::net {
namespace {

constexpr wait_reason for_readiness[] = {
    {"a descriptor to become readable", true}, {"a descriptor to become writable", true}};
constexpr wait_reason for_turn[] = {
    {"its turn to read from a descriptor"}, {"its turn to write to a descriptor"}};

constexpr const wait_reason& choose(const wait_reason (&reasons)[2], flow direction) noexcept {
    return reasons[static_cast<unsigned>(direction)];
}

} // namespace

// --- beginning and end

registration& registration::attach(int fd, descriptor_traits traits) {
    std::shared_ptr<poller> home = this_poller(make_system_poller);
    registration& fresh = registration_pool::instance().take();
    fresh.begin(fd, traits, home);
    const int result = home->add(fd, fresh, fresh.generation_);
    if (result == 0) return fresh;
    fresh.fd_ = -1;
    fresh.home_ = nullptr;
    fresh.word_.store(0, std::memory_order_relaxed);
    registration_pool::instance().give_back(fresh);
    throw std::system_error(-result, std::system_category(), "poller");
}

// Under the lock, because the poller may still look at it for the sake of an event of its last life.
void registration::begin(int fd, descriptor_traits traits, std::shared_ptr<poller> home) noexcept {
    const std::scoped_lock guard(lock_);
    fd_ = fd;
    traits_ = traits;
    home_ = std::move(home);
    idle_timeout_.store(clock::duration::zero(), std::memory_order_relaxed);
    error_.store(0, std::memory_order_relaxed);
    for (side& each : sides_) {
        each.edges.store(0, std::memory_order_relaxed);
        each.drained = nothing_known;
        each.deadline.store(never, std::memory_order_relaxed);
    }
    word_.store(owned, std::memory_order_relaxed);
}

void registration::disown() noexcept {
    close();
    const std::uint64_t before = word_.fetch_and(~owned, std::memory_order_acq_rel);
    if (users_of(before) == 0) recycle();
}

void registration::recycle() noexcept {
    home_ = nullptr;
    registration_pool::instance().give_back(*this);
}

void registration::release_number() noexcept {
    home_->remove(fd_);
    {
        const std::scoped_lock guard(lock_);
        ++generation_;
    }
    if (!traits_.borrowed) {
        sys::close(fd_);
    } else if (traits_.was_blocking) {
        sys::set_nonblocking(fd_, false);
    }
}

long registration::close() noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    do {
        if ((word & closing) != 0) return outcome::closed;
    } while (!word_.compare_exchange_weak(
        word, (word + one_user) | closing, std::memory_order_acq_rel, std::memory_order_relaxed)); // [W2]
    claimed_list claimed;
    {
        const std::scoped_lock guard(lock_);
        for (side& each : sides_) {
            claimed.claim_all(each.ready, closed);
            claimed.claim_all(each.turns, closed);
            claimed.claim_all(each.watchers);
        }
    }
    claimed.wake();
    leave();
    return outcome::done;
}

// --- calls inside

long registration::enter() noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    do {
        if ((word & closing) != 0) return outcome::closed;
    } while (!word_.compare_exchange_weak(
        word, word + one_user, std::memory_order_acquire, std::memory_order_relaxed)); // [W1]
    return outcome::done;
}

void registration::leave() noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    for (;;) {
        if (users_of(word) == 1 && (word & (closing | released)) == closing) {
            if (!word_.compare_exchange_weak(
                    word, word | released, std::memory_order_acq_rel, std::memory_order_relaxed))
                continue;
            release_number();
            word = word_.load(std::memory_order_relaxed);
        }
        const std::uint64_t next = word - one_user;
        if (!word_.compare_exchange_weak(word, next, std::memory_order_acq_rel, std::memory_order_relaxed))
            continue; // [W1]
        if (users_of(next) == 0 && (next & owned) == 0) recycle();
        return;
    }
}

long registration::enter(flow direction) {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    do {
        if ((word & closing) != 0) return outcome::closed;
        if ((word & busy(direction)) != 0) return enter_slowly(direction);
    } while (!word_.compare_exchange_weak(word, (word + one_user) | busy(direction),
        std::memory_order_acquire, std::memory_order_relaxed)); // [W1]
    return outcome::done;
}

void registration::leave(flow direction) noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    do {
        if ((word & (waiting(direction) | closing)) != 0) return leave_slowly(direction);
    } while (!word_.compare_exchange_weak(word, (word - one_user) & ~busy(direction),
        std::memory_order_release, std::memory_order_relaxed)); // [W1]
}

void registration::leave_slowly(flow direction) noexcept {
    waiter* next = nullptr;
    {
        const std::scoped_lock guard(lock_);
        wait_queue& turns = side_of(direction).turns;
        next = turns.claim_front();
        std::uint64_t cleared = 0;
        if (next == nullptr) cleared |= busy(direction);
        if (turns.empty()) cleared |= waiting(direction);
        word_.fetch_and(~cleared, std::memory_order_release); // [W1]
    }
    if (next != nullptr) next->wake();
    leave();
}

// The turn is taken if it has become free; else the caller, who is counted as a user from the first time on,
// queues for it. Who is woken because the deadline changed queues anew, at the end.
long registration::enter_slowly(flow direction) {
    side& here = side_of(direction);
    for (bool counted = false;; counted = true) {
        std::unique_lock guard(lock_);
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        std::uint64_t next = 0;
        do {
            if ((word & closing) != 0) { // [W2]
                guard.unlock();
                if (counted) leave();
                return counted ? outcome::closed_meanwhile : outcome::closed;
            }
            next = word | ((word & busy(direction)) == 0 ? busy(direction) : waiting(direction));
            if (!counted) next += one_user;
        } while (!word_.compare_exchange_weak(
            word, next, std::memory_order_acquire, std::memory_order_relaxed)); // [W1]
        if ((word & busy(direction)) == 0) return outcome::done;

        switch (wait_in(here.turns, choose(for_turn, direction), here, guard)) {
        case wait_result::woken: return outcome::done;
        case wait_result::look_again: break;
        case wait_result::closed: leave(); return outcome::closed_meanwhile;
        case wait_result::expired: leave(); return outcome::of(errc::deadline_exceeded);
        case wait_result::cancelled: leave(); throw_cancelled();
        }
    }
}

// --- readiness

long registration::await_edge(flow direction, edge_count seen) {
    side& here = side_of(direction);
    std::unique_lock guard(lock_);
    if (here.edges.load(std::memory_order_relaxed) != seen) return outcome::done;
    if (!open()) return outcome::closed_meanwhile; // [W2]
    switch (wait_in(here.ready, choose(for_readiness, direction), here, guard)) {
    case wait_result::woken:
    case wait_result::look_again: return outcome::done;
    case wait_result::closed: return outcome::closed_meanwhile;
    case wait_result::expired: return outcome::of(errc::deadline_exceeded);
    case wait_result::cancelled: break;
    }
    throw_cancelled();
}

registration::wait_result registration::wait_in(
    wait_queue& queue, const wait_reason& reason, side& of, std::unique_lock<spin_lock>& guard) noexcept {
    waiter& me = this_waiter();
    wait_node node(me, me.arm(reason));
    queue.push(node);
    const clock::time_point deadline = of.deadline.load(std::memory_order_relaxed);
    const clock::duration idle = idle_timeout_.load(std::memory_order_relaxed);
    guard.unlock();
    const wake_cause cause =
        park(idle == clock::duration::zero() ? deadline : std::min(deadline, deadline_after(idle)));
    if (cause == node.which) return wait_result::woken;

    guard.lock();
    queue.withdraw(node);
    const bool changed = of.deadline.load(std::memory_order_relaxed) != deadline;
    guard.unlock();
    if (cause == wake_cause::cancelled) return wait_result::cancelled;
    if (cause == closed) return wait_result::closed;
    return cause == wake_cause::deadline && !changed ? wait_result::expired : wait_result::look_again;
}

void registration::set_deadline(flow direction, clock::time_point deadline) noexcept {
    claimed_list claimed;
    {
        const std::scoped_lock guard(lock_);
        side& here = side_of(direction);
        here.deadline.store(deadline, std::memory_order_relaxed);
        claimed.claim_all(here.ready, deadline_changed);
        claimed.claim_all(here.turns, deadline_changed);
    }
    claimed.wake();
}

void registration::ready(std::uint32_t generation, poll_events events, ready_list& batch) noexcept {
    claimed_list claimed;
    {
        const std::scoped_lock guard(lock_);
        if (generation != generation_) return;
        if (events.error > 0 || (events.error < 0 && error_.load(std::memory_order_relaxed) == 0))
            error_.store(events.error, std::memory_order_release);
        if (events.readable) count_edge(side_of(flow::in), events.hung_up, claimed);
        if (events.writable) count_edge(side_of(flow::out), false, claimed);
    }
    claimed.wake(batch);
}

void registration::count_edge(side& of, bool hang_up, claimed_list& claimed) noexcept {
    const edge_count before = of.edges.load(std::memory_order_relaxed);
    of.edges.store((before + one_edge) | (hang_up ? hung_up : 0), std::memory_order_release); // [R1]
    claimed.claim_all(of.ready);
    claimed.claim_all(of.watchers);
}

} // namespace weft::net
