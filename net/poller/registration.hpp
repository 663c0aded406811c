// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "flow.hpp"
#include "poller/outcome.hpp"

#include <weft/waiting/claimed_list.hpp>
#include <weft/waiting/park.hpp>
#include <weft/waiting/poller.hpp>
#include <weft/waiting/source.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

// A descriptor as weft knows it: who is inside a call, whose turn it is, what is known of its readiness.
//
// Who may call. Everything but attach by any thread that holds the descriptor's handle or is inside a call;
// ready by whoever polls. The counted lifetime follows Go's fdMutex.
//
// word.  users:32 | ... | owned | released | closing | waiting[2] | busy[2]
//   users       calls inside, those that queue for their turn included
//   owned       a handle refers to it
//   closing     close() was called
//   released    the number went back to the system, or is about to
//   busy[f]     somebody has the turn of direction f
//   waiting[f]  somebody may be in `turns` of f; changed under the lock alone
// Invariants.
//   waiting[f] => busy[f] => users > 0
//   closing => no call gets in any more
//   released => closing, and only the one who set it was inside
//   in the pool <=> users = 0 and not owned
//
// Transitions.
//   enter    not closing, not busy: busy, users+1. Busy: under the lock waiting, users+1, into `turns`.
//   leave    not waiting: not busy, users-1. Waiting: under the lock claims the first of `turns`, who
//            inherits busy; users-1.
//   close    closing, users+1; then under the lock claims everybody parked here; users-1.
//   users-1  by the last one inside, if closing: first sets released, takes the descriptor out of the poller
//            and closes it.
//   disown   (the end of the handle) closes, and not owned.
//   Whoever makes users = 0 and not owned gives the registration back to the pool.
//   [W1] What decrements users or hands the turn over releases, what enters acquires: `drained`, as the
//        previous holder of the turn left it.
//   [W2] closing is set before close() takes the lock, and who is about to park looks at it under the lock:
//        so close() finds him in a queue, or he finds closing.
//
// Readiness. `edges` counts, in steps of two, the edges that the poller reported for a direction; its lowest
// bit says that the peer hung up, and stays. `drained`, which belongs to the holder of the turn, is the value
// of edges at which the direction was last seen to have nothing left. An operation:
//   1  seen := edges. If seen = drained, nothing came since: 3.
//   2  tries the system call. EAGAIN: drained := seen, 3. Fewer bytes than asked for, from a stream that had
//      not hung up as of seen: drained := seen, and the next operation skips a call that could only say
//      EAGAIN.
//   3  under the lock: if edges is not seen any more, 1; else into `ready`, and parks.
//
// The lost edge, argued. Something arrives (data, the peer's end, an error, room to write) while nobody is
// parked. The kernel reports every arrival as an edge, though several may be reported as one.
//   After the system call of 2. Its edge is counted after 1, so edges is not seen, in 3 or in the next 1.
//   Before it, or while it runs. Then the call took it, which is what "drained" says - but for the end and
//   for errors, which a call that also gives data leaves behind. Their edge is counted after 1, as above; or
//   it was counted before, then seen has the sticky bit, and a short read does not set drained. A short write
//   needs no such care: the call would have told of an error that came before it.
//   [R1] 1 acquires edges, so that the system call is not begun before. The poller changes edges under the
//        lock, which 3 takes.
//
// Deadlines are absolute, one a direction. Changed under the lock, and whoever is parked is woken to look
// again; read without it when an operation begins, and once more under it before parking. The idle timeout is a deadline of a
// single wait, counted from its beginning.
//
// Memory. Registrations come from a pool and go back to it; they are never freed, so that an event that comes
// late finds one. It goes away when it finds another generation, which is compared under the lock, and
// counted up before the number is given back.
namespace weft::net {

struct descriptor_traits {
    bool socket = false;              // recv and send, rather than read and write
    bool stream_socket = false;       // a receive call that gives nothing means the end
    bool short_means_drained = false; // a stream whose calls are cut short by nothing else
    bool borrowed = false;            // not closed at the end
    bool was_blocking = false;        // borrowed: to be restored
    bool no_signal = false;           // a pipe: written to without SIGPIPE
};

class alignas(128) registration final : public poll_target {
public:
    using edge_count = std::uint64_t;

    // Makes a non-blocking descriptor known to the caller's poller. It belongs to the registration
    // afterwards; if this throws (std::system_error, std::bad_alloc), it still belongs to the caller.
    static registration& attach(int fd, descriptor_traits traits);
    // By the destructor of the handle: closes it if need be.
    void disown() noexcept;

    // outcome::done or what is wrong. Wakes everybody who is parked here.
    long close() noexcept;
    bool open() const noexcept { return (word_.load(std::memory_order_relaxed) & closing) == 0; }
    // Valid while a call is inside.
    int number() const noexcept { return fd_; }
    descriptor_traits traits() const noexcept { return traits_; }

    // A call that needs no turn. outcome::done: leave() must follow.
    long enter() noexcept;
    void leave() noexcept;
    // A call that moves data. Queues behind the one whose turn it is; may throw `cancelled`.
    long enter(flow direction);
    void leave(flow direction) noexcept;

    // Inside a call.
    void set_deadline(flow direction, clock::time_point deadline) noexcept;
    // How long a call may wait; zero: for ever. Holds for waits that begin afterwards.
    void set_idle_timeout(clock::duration longest) noexcept {
        idle_timeout_.store(longest, std::memory_order_relaxed);
    }
    bool expired(flow direction) const noexcept {
        const clock::time_point deadline = side_of(direction).deadline.load(std::memory_order_relaxed);
        return deadline != never && clock::now() >= deadline;
    }

    // By the holder of the turn; see "Readiness".
    edge_count edges(flow direction) const noexcept {
        return side_of(direction).edges.load(std::memory_order_acquire); // [R1]
    }
    bool known_drained(flow direction, edge_count seen) const noexcept {
        return side_of(direction).drained == seen;
    }
    void set_drained(flow direction, edge_count seen) noexcept { side_of(direction).drained = seen; }
    void note_short(flow direction, edge_count seen) noexcept {
        if (traits_.short_means_drained && (seen & hung_up) == 0) set_drained(direction, seen);
    }
    // For a poller that takes errors, after edges(): what the call would have said, once.
    int take_error() noexcept {
        if (error_.load(std::memory_order_relaxed) <= 0) return 0;
        return error_.exchange(poll_events::end_without_error, std::memory_order_relaxed);
    }
    bool has_error() const noexcept { return error_.load(std::memory_order_acquire) > 0; }
    // A receive call says that the stream has ended, and the poller has not said so yet: it may have taken an error that it
    // is about to report. Its edge will come.
    bool end_in_doubt() const noexcept {
        return traits_.stream_socket &&
            error_.load(std::memory_order_relaxed) != poll_events::end_without_error;
    }
    // Waits until there are more edges than those seen. outcome::done: the deadline may have changed, too.
    long await_edge(flow direction, edge_count seen);

    // For a select, which looks for itself and holds the lock: a node that the next edge, or the close, claims as its own case.
    spin_lock& lock() noexcept { return lock_; }
    std::uint64_t rank() const noexcept { return rank_; }
    void watch(flow direction, wait_node& node) noexcept { side_of(direction).watchers.push(node); }
    void unwatch(flow direction, wait_node& node) noexcept { side_of(direction).watchers.withdraw(node); }

    void ready(std::uint32_t generation, poll_events events, ready_list& batch) noexcept override;

private:
    friend class registration_pool;

    enum : std::uint64_t {
        closing = 1U << 4,
        released = 1U << 5,
        owned = 1U << 6,
        one_user = std::uint64_t{1} << 32
    };
    static constexpr std::uint64_t busy(flow f) noexcept {
        return std::uint64_t{1} << static_cast<unsigned>(f);
    }
    static constexpr std::uint64_t waiting(flow f) noexcept {
        return std::uint64_t{4} << static_cast<unsigned>(f);
    }
    static constexpr std::uint64_t users_of(std::uint64_t word) noexcept { return word / one_user; }

    static constexpr edge_count hung_up = 1;
    static constexpr edge_count one_edge = 2;
    static constexpr edge_count nothing_known = ~edge_count{0};

    // What may end a wait here, beside wake_cause's own.
    static constexpr wake_cause closed = wake_cause{1};
    static constexpr wake_cause deadline_changed = wake_cause{2};

    struct side {
        std::atomic<edge_count> edges{0};
        edge_count drained = nothing_known;
        wait_queue ready;
        std::atomic<clock::time_point> deadline{never};
        wait_queue turns;
        wait_queue watchers; // of selects
    };

    enum class wait_result : std::uint8_t { woken, look_again, closed, expired, cancelled };

    registration() = default;
    ~registration() = default;

    side& side_of(flow direction) noexcept { return sides_[static_cast<unsigned>(direction)]; }
    const side& side_of(flow direction) const noexcept { return sides_[static_cast<unsigned>(direction)]; }

    void begin(int fd, descriptor_traits traits, std::shared_ptr<poller> home) noexcept;
    void count_edge(side& of, bool hang_up, claimed_list& claimed) noexcept;
    long enter_slowly(flow direction);
    void leave_slowly(flow direction) noexcept;
    // Queues, gives the lock up and parks until woken, closed, cancelled or the side's deadline.
    wait_result wait_in(
        wait_queue& queue, const wait_reason& reason, side& of, std::unique_lock<spin_lock>& guard) noexcept;
    void release_number() noexcept;
    void recycle() noexcept;

    std::atomic<std::uint64_t> word_{0};
    std::atomic<int> error_{0}; // stored under lock_ before the edge that tells of it [R1]
    spin_lock lock_;
    std::uint64_t rank_ = new_lock_rank(); // it is used again with the registration
    std::uint16_t generation_ = 0;         // guarded by lock_
    descriptor_traits traits_;
    int fd_ = -1;
    std::atomic<clock::duration> idle_timeout_{clock::duration::zero()};
    side sides_[2];
    std::shared_ptr<poller> home_;
    registration* next_free_ = nullptr;
};

} // namespace weft::net
