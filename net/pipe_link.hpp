// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "flow.hpp"
#include "pipe_call.hpp"

#include <weft/net/pipe.hpp>
#include <weft/waiting/claimed_list.hpp>
#include <weft/waiting/park.hpp>
#include <weft/waiting/source.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>

// What the two ends of a pipe share: two lanes of bytes, one each way, under one spin lock.
//
// Purpose. A lane has two parties, those who read at one end and those who write at the other. Of each party one call has the turn;
// the others queue for it. A call that has the turn and finds the other party's one parked copies between the two buffers;
// else it parks, and whoever has the other party's turn next copies. So a byte is copied once, and of two that meet one parks.
//
// Who may call. Everything by any thread that holds an end's handle or is inside; look, watch and unwatch with the lock held.
//
// State of a party.
//   busy     somebody has the turn        parked   the call of the one who has it, while he waits for the other party
//   turns    those who wait for the turn  watchers selects that wait until a call would not have to
// and of a lane: copying, the one who arrived is copying and the parked one stays parked; ended, either party was shut down.
// Invariants.
//   parked, turns not empty => busy
//   no two parked ones meet: of the two calls parked in a lane at most one can still be claimed
//   copying => one has the turn and copies outside the lock, from or to the call of the one who has the other turn, which needs more
//
// An exchange, by the one who arrived, with the parked call P:
//   the copy completes P    under the lock claims P and takes it out of `parked`; copies; wakes P. If P cannot be claimed, something
//                           else has ended its wait: it is taken out and counts as not there.
//   it does not             (then it completes the one who arrived) under the lock sets copying; copies; under the lock clears it
//                           and gives up the turn. P stays parked, with less left; it need not be claimed.
// A parked call whose wait something else has ended (deadline, cancellation, end, close) takes the lock, leaves `parked`, so that no
// further exchange begins with it, waits for the end of one that goes on, and looks at the lane anew. Hence nobody copies from or
// to the frame of a call that has returned, and the count that each call returns is exact on both sides. The wait for the end of a
// copy is shielded from cancellation: it ends soon, since who copies does not wait.
//   [P1] What the copying one writes into P's buffer and call reaches P's owner by wake, or by the lock, which both take afterwards.
//
// Wakes. Whoever changes what a call or a select would find says so under the lock by claiming who waits for it: parking claims the
// watchers of the other party; shutdown and close claim all parked and queued calls and watchers of the lane; set_deadline the
// calls of its party. Those calls look anew; a queued one then queues at the end again.
//
// Memory. Freed by whoever makes owners = 0 and inside = 0, after giving the lock back; nobody else can reach it then.
namespace weft::net {

class pipe_link {
public:
    pipe_link() noexcept = default;
    pipe_link(const pipe_link&) = delete;
    pipe_link& operator=(const pipe_link&) = delete;

    // Does the call at that end. A cancellation point. nullptr: not open.
    static detail::transfer run(pipe_link* link, pipe_end end, pipe_call mine);

    bool open(pipe_end end) noexcept;
    // outcome::done, or closed.
    long close(pipe_end end) noexcept;
    long shutdown(pipe_end end, bool reads, bool writes) noexcept;
    long set_deadlines(pipe_end end, clock::time_point deadline, bool of_reads, bool of_writes) noexcept;
    // By the end's handle when it goes: closes it if need be.
    void disown(pipe_end end) noexcept;

    // For a select.
    void enter() noexcept;
    void leave() noexcept;
    spin_lock& lock() noexcept { return lock_; }
    std::uint64_t rank() const noexcept { return rank_; }
    enum class sight : std::uint8_t { nothing, something, closed };
    sight look(pipe_end end, flow direction) noexcept;
    void watch(pipe_end end, flow direction, wait_node& node) noexcept;
    void unwatch(pipe_end end, flow direction, wait_node& node) noexcept;

private:
    struct party {
        bool busy = false;
        pipe_call* parked = nullptr;
        wait_queue turns;
        wait_queue watchers;
        clock::time_point deadline = never;
    };
    struct lane {
        party& of(flow direction) noexcept { return parties[static_cast<unsigned>(direction)]; }
        party& facing(flow direction) noexcept { return parties[1 - static_cast<unsigned>(direction)]; }

        party parties[2];
        bool ended = false;
        bool copying = false;
        wait_node* awaits_copy = nullptr; // of the parked call
    };
    // One call on its way, with the lock.
    struct visit;

    // What may end a wait here beside the call's own cause and wake_cause's.
    static constexpr wake_cause look_anew = wake_cause{1};

    ~pipe_link() = default;

    static constexpr unsigned index(pipe_end end) noexcept { return static_cast<unsigned>(end); }
    // A lane is named by the end that writes.
    lane& lane_of(pipe_end end, flow direction) noexcept {
        return lanes_[direction == flow::out ? index(end) : 1 - index(end)];
    }

    long perform(pipe_end end, pipe_call& mine) noexcept;
    bool must_end(pipe_end end, const pipe_call& mine, long& result) noexcept;
    static void exchange(lane& on, pipe_call& mine, visit& in) noexcept;
    static wake_cause wait(lane& on, pipe_call& mine, visit& in) noexcept;
    static void await_copy(lane& on, visit& in) noexcept;
    static void interrupt_calls(party& of, claimed_list& woken) noexcept;
    static void end(lane& which, claimed_list& woken) noexcept;
    void depart(std::unique_lock<spin_lock>& guard, claimed_list& woken) noexcept;

    spin_lock lock_;
    const std::uint64_t rank_ = new_lock_rank();
    lane lanes_[2];
    bool closed_[2] = {false, false};
    unsigned owners_ = 2;
    std::size_t inside_ = 0;
};

} // namespace weft::net
