// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/park.hpp>
#include <weft/waiting/race_edges.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

// What a channel is apart from the type of its values: a lock, two queues of parked senders and receivers, a count, a closed flag.
//
// Purpose. Values go from senders to receivers: through the buffer, or from the one's frame straight into the other's.
// Who may call. Any fiber or thread; everything marked "under the lock", holding it.
//
// Invariants, whenever the lock is free
//     receivers wait  =>  the buffer is empty, no sender waits, not closed
//     senders wait    =>  the buffer is full (always so if the capacity is 0), not closed
//   "wait" meaning a node whose waiter can still be claimed: nodes claimed by something else stay queued until their owner, or
//   whoever comes across them, takes them out.
// Hence nobody barges: a value that could be received, or a place that is free, is never there while somebody waits for it.
//
// Handing over. Under the lock: unlink the node, claim its waiter, move the value, outcome = served; then, the lock released,
// wake it. The peer's frame stays until it is woken, since its owner does nothing before. If the move throws, the peer is woken
// with outcome = retry: it tries again and waits in the first place of the queue, and the value is where it was.
//
// hints_ mirrors what is under the lock: a clear bit means "was certainly not so at that instant", read without the lock.
//
// Order. The lock gives every edge that the memory model promises (and more; race_edges.hpp hides those). Waking gives the edge
// to the peer: see waiter.hpp. Memory: counted by the handles; the last one frees.
namespace weft::detail {

struct channel_node : wait_node {
    enum class end : std::uint8_t { retry, served, closed };

    explicit channel_node(void* place, bool assign = false) noexcept : value(place), assigns(assign) {}

    void* value; // a sender's T; a receiver's std::optional<T>, or its T if it is to be assigned to
    bool assigns;
    end outcome = end::retry; // written by whoever claimed the waiter, before it is woken
};

class alignas(64) [[gnu::visibility("default")]] channel_core {
public:
    static constexpr std::size_t no_limit = static_cast<std::size_t>(-1);

    explicit channel_core(std::size_t capacity) noexcept;
    channel_core(const channel_core&) = delete;
    channel_core& operator=(const channel_core&) = delete;

    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void drop_reference() noexcept {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

    // --- without the lock
    bool may_send() const noexcept { return (hints() & can_send) != 0; }
    bool may_receive() const noexcept { return (hints() & can_receive) != 0; }
    bool closed() const noexcept { return (hints() & is_closed) != 0; }
    std::size_t capacity() const noexcept { return capacity_; }
    std::size_t size() noexcept;
    std::size_t senders_waiting() noexcept;
    std::size_t receivers_waiting() noexcept;
    spin_lock& lock() noexcept { return lock_; }
    std::uint64_t rank() const noexcept { return rank_; }
    void close(); // throws channel_closed

    // Parks until the node is served, or what else ends the wait; throws `cancelled`. timed_out: the deadline.
    enum class wait_end : std::uint8_t { retry, served, closed, timed_out };
    wait_end wait_to_send(channel_node& node, clock::time_point deadline) {
        return wait(node, senders_, deadline);
    }
    wait_end wait_to_receive(channel_node& node, clock::time_point deadline) {
        return wait(node, receivers_, deadline);
    }

    // --- under the lock
    bool closed_now() const noexcept { return closed_; }
    void enqueue_sender(channel_node& node, bool first = false) noexcept { enqueue(node, senders_, first); }
    void enqueue_receiver(channel_node& node, bool first = false) noexcept {
        enqueue(node, receivers_, first);
    }
    void withdraw_sender(channel_node& node) noexcept { withdraw(node, senders_); }
    void withdraw_receiver(channel_node& node) noexcept { withdraw(node, receivers_); }

    // Without the lock: what the channel wanted to do when it had released it.
    virtual void after_unlock(std::uint64_t) noexcept {}

    class section;

    static const wait_reason sending;
    static const wait_reason receiving;

protected:
    virtual ~channel_core() = default;

    static channel_node* claim_first(wait_queue& queue) noexcept;
    void publish() noexcept {
        const bool any = closed_ || count_ != 0 || !senders_.empty();
        const bool room = closed_ || count_ < capacity_ || !receivers_.empty();
        const auto now = static_cast<std::uint8_t>(
            (closed_ ? is_closed : 0) | (any ? can_receive : 0) | (room ? can_send : 0));
        if (hints_.load(std::memory_order_relaxed) != now) hints_.store(now, std::memory_order_release);
    }

private:
    enum : std::uint8_t { is_closed = 1, can_receive = 2, can_send = 4 };

    std::uint8_t hints() const noexcept { return hints_.load(std::memory_order_acquire); }
    void enqueue(channel_node& node, wait_queue& queue, bool first) noexcept;
    void withdraw(channel_node& node, wait_queue& queue) noexcept;
    wait_end wait(channel_node& node, wait_queue& queue, clock::time_point deadline);

    // One cache line: what every operation looks at.
    spin_lock lock_;
    std::atomic<std::uint8_t> hints_;
    bool closed_ = false;

protected:
    std::size_t count_ = 0;
    wait_queue senders_;
    wait_queue receivers_;

private:
    const std::size_t capacity_;
    const std::uint64_t rank_;
    std::atomic<std::size_t> references_{1};
};

// Holds the lock.
class channel_core::section {
public:
    explicit section(channel_core& of) noexcept : of_(of) {
        const hidden_from_race_detector hidden;
        of_.lock_.lock();
    }
    ~section() {
        const hidden_from_race_detector hidden;
        of_.lock_.unlock();
    }
    section(const section&) = delete;
    section& operator=(const section&) = delete;

private:
    channel_core& of_;
};

// What is to be done once the lock is released; so it is declared before the section.
class after_section {
public:
    after_section() = default;
    ~after_section() { run(); }
    after_section(const after_section&) = delete;
    after_section& operator=(const after_section&) = delete;

    void run() noexcept {
        if (wake != nullptr) std::exchange(wake, nullptr)->wake();
        if (tell != nullptr) std::exchange(tell, nullptr)->after_unlock(what);
    }

    waiter* wake = nullptr;
    channel_core* tell = nullptr;
    std::uint64_t what; // with tell
};

} // namespace weft::detail
