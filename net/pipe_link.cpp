// SPDX-License-Identifier: BSL-1.0
#include "pipe_link.hpp"

#include "poller/outcome.hpp"

#include <weft/cancelled.hpp>

#include <algorithm>

namespace weft::net {
namespace {

constexpr wait_reason for_peer[] = {{"somebody to write to a pipe"}, {"somebody to read from a pipe"}};
constexpr wait_reason for_turn[] = {{"its turn to read from a pipe"}, {"its turn to write to a pipe"}};
constexpr wait_reason for_copy{"a pipe's bytes to be copied"};

constexpr const wait_reason& choose(const wait_reason (&reasons)[2], flow direction) noexcept {
    return reasons[static_cast<unsigned>(direction)];
}

constexpr long was_cancelled = 1;

} // namespace

// woken before guard: nobody is woken while the lock is held.
struct pipe_link::visit {
    explicit visit(spin_lock& lock) : guard(lock) {}
    void unlock() noexcept {
        guard.unlock();
        woken.wake();
    }

    claimed_list woken;
    std::unique_lock<spin_lock> guard;
    bool has_turn = false;
};

// --- calls that move bytes

detail::transfer pipe_link::run(pipe_link* link, pipe_end end, pipe_call mine) {
    begin_operation();
    if (link == nullptr) return {.bytes = 0, .outcome = outcome::closed};
    const long result = link->perform(end, mine);
    if (result != was_cancelled) return {.bytes = mine.moved(), .outcome = result};
    try {
        throw_cancelled();
    } catch (cancelled& early) {
        early.set_transferred(mine.moved());
        throw;
    }
}

long pipe_link::perform(pipe_end end, pipe_call& mine) noexcept {
    lane& on = lane_of(end, mine.direction());
    party& here = on.of(mine.direction());
    visit in(lock_);
    if (closed_[index(end)]) return outcome::closed;
    if (mine.is_complete()) return outcome::done;
    ++inside_;
    long result = outcome::done;
    while (!must_end(end, mine, result)) {
        if (!in.has_turn && !here.busy) here.busy = in.has_turn = true;
        if (in.has_turn && on.facing(mine.direction()).parked != nullptr) {
            exchange(on, mine, in);
        } else if (wait(on, mine, in) == wake_cause::cancelled) {
            result = was_cancelled;
            break;
        }
    }
    if (in.has_turn && in.woken.claim_first(here.turns) == nullptr) here.busy = false;
    depart(in.guard, in.woken);
    return result;
}

bool pipe_link::must_end(pipe_end end, const pipe_call& mine, long& result) noexcept {
    if (mine.is_complete()) return true;
    lane& on = lane_of(end, mine.direction());
    const clock::time_point deadline = on.of(mine.direction()).deadline;
    if (closed_[index(end)]) {
        result = outcome::closed_meanwhile;
    } else if (deadline != never && clock::now() >= deadline) {
        result = outcome::of(errc::deadline_exceeded);
    } else if (!on.ended) {
        return false;
    } else if (mine.direction() == flow::out) {
        result = -EPIPE;
    } else if (mine.wanted() == extent::all) {
        result = outcome::of(mine.moved() == 0 ? errc::eof : errc::unexpected_eof);
    }
    return true;
}

void pipe_link::exchange(lane& on, pipe_call& mine, visit& in) noexcept {
    party& there = on.facing(mine.direction());
    pipe_call& other = *there.parked;
    const std::size_t bytes = std::min(mine.left(), other.left());
    const bool completes = other.completed_by(bytes);
    waiter* const who = other.node.who;
    if (completes) {
        there.parked = nullptr;
        if (!other.node.claim()) return;
    } else {
        on.copying = true;
    }
    in.unlock();
    const bool writing = mine.direction() == flow::out;
    pipe_call::carry(bytes, writing ? mine : other, writing ? other : mine);
    if (completes) who->wake(); // `other` is gone
    in.guard.lock();
    if (completes) return;
    on.copying = false;
    if (wait_node* const waiting = on.awaits_copy) {
        on.awaits_copy = nullptr;
        if (waiting->claim()) in.woken.add_claimed(*waiting);
    }
}

// Gives the lock up meanwhile. For the other party if it has the turn, else for that; then, unless woken for it, it waits no more.
wake_cause pipe_link::wait(lane& on, pipe_call& mine, visit& in) noexcept {
    party& here = on.of(mine.direction());
    waiter& me = this_waiter();
    mine.node.who = &me;
    mine.node.epoch = me.arm(choose(in.has_turn ? for_peer : for_turn, mine.direction()));
    if (in.has_turn) {
        here.parked = &mine;
        in.woken.claim_all(on.facing(mine.direction()).watchers);
    } else {
        here.turns.push(mine.node);
    }
    const clock::time_point deadline = here.deadline;
    in.unlock();
    const wake_cause cause = park(deadline);
    in.guard.lock();
    if (cause == mine.node.which) {
        in.has_turn = true;
    } else if (in.has_turn) {
        here.parked = nullptr; // first: else the next to arrive copies while this one comes back
        await_copy(on, in);
    } else {
        here.turns.withdraw(mine.node);
    }
    return cause;
}

void pipe_link::await_copy(lane& on, visit& in) noexcept {
    if (!on.copying) return;
    const cancellation_shield shield;
    waiter& me = this_waiter();
    wait_node node(me, me.arm(for_copy));
    on.awaits_copy = &node;
    in.unlock();
    park();
    in.guard.lock();
}

void pipe_link::depart(std::unique_lock<spin_lock>& guard, claimed_list& woken) noexcept {
    const bool last = --inside_ == 0 && owners_ == 0;
    guard.unlock();
    woken.wake();
    if (last) delete this;
}

// --- states

void pipe_link::interrupt_calls(party& of, claimed_list& woken) noexcept {
    if (of.parked != nullptr && of.parked->node.who->claim(of.parked->node.epoch, look_anew))
        woken.add_claimed(of.parked->node);
    woken.claim_all(of.turns, look_anew);
}

void pipe_link::end(lane& which, claimed_list& woken) noexcept {
    which.ended = true;
    for (party& each : which.parties) {
        interrupt_calls(each, woken);
        woken.claim_all(each.watchers);
    }
}

bool pipe_link::open(pipe_end end) noexcept {
    const std::scoped_lock guard(lock_);
    return !closed_[index(end)];
}

long pipe_link::close(pipe_end end) noexcept {
    claimed_list woken;
    const std::scoped_lock guard(lock_);
    if (closed_[index(end)]) return outcome::closed;
    closed_[index(end)] = true;
    for (lane& each : lanes_) pipe_link::end(each, woken);
    return outcome::done;
}

long pipe_link::shutdown(pipe_end end, bool reads, bool writes) noexcept {
    claimed_list woken;
    const std::scoped_lock guard(lock_);
    if (closed_[index(end)]) return outcome::closed;
    if (reads) pipe_link::end(lane_of(end, flow::in), woken);
    if (writes) pipe_link::end(lane_of(end, flow::out), woken);
    return outcome::done;
}

long pipe_link::set_deadlines(
    pipe_end end, clock::time_point deadline, bool of_reads, bool of_writes) noexcept {
    claimed_list woken;
    const std::scoped_lock guard(lock_);
    if (closed_[index(end)]) return outcome::closed;
    for (const flow direction : {flow::in, flow::out}) {
        if (!(direction == flow::in ? of_reads : of_writes)) continue;
        party& concerned = lane_of(end, direction).of(direction);
        concerned.deadline = deadline;
        interrupt_calls(concerned, woken);
    }
    return outcome::done;
}

void pipe_link::disown(pipe_end end) noexcept {
    close(end);
    claimed_list nobody;
    std::unique_lock guard(lock_);
    --owners_;
    ++inside_;
    depart(guard, nobody);
}

// --- for a select

void pipe_link::enter() noexcept {
    const std::scoped_lock guard(lock_);
    ++inside_;
}

void pipe_link::leave() noexcept {
    claimed_list nobody;
    std::unique_lock guard(lock_);
    depart(guard, nobody);
}

pipe_link::sight pipe_link::look(pipe_end end, flow direction) noexcept {
    if (closed_[index(end)]) return sight::closed;
    lane& on = lane_of(end, direction);
    return on.ended || on.facing(direction).parked != nullptr ? sight::something : sight::nothing;
}

void pipe_link::watch(pipe_end end, flow direction, wait_node& node) noexcept {
    lane_of(end, direction).of(direction).watchers.push(node);
}

void pipe_link::unwatch(pipe_end end, flow direction, wait_node& node) noexcept {
    lane_of(end, direction).of(direction).watchers.withdraw(node);
}

} // namespace weft::net
