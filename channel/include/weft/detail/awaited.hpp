// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/claimed_list.hpp>
#include <weft/waiting/counted.hpp>
#include <weft/waiting/park.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

// What oneshot, watch and broadcast have in common: a lock, a queue of those who wait for news, and who is woken by it.
//
// Purpose. Receivers wait until they are ready: a value is there that they have not had, or none will ever be. News wakes all
// that wait, and each looks again. Readiness lasts until that receiver takes what made it ready, so one that is woken, or whose
// case of a select was chosen, needs no reservation: what it was woken for is still there, or something newer.
//
// Who may call. Any fiber or thread; everything marked "under the lock", holding it. A receiver's place (what it has seen) is
// its own: one fiber or thread at a time.
//
// Invariant, whenever the lock is free: no receiver waits that is ready; "waits" as in channel_core.hpp.
//
// Order. The lock gives every edge: what a sender did before its send happens before what a receiver does with that value, or
// after the close. Waking: waiter.hpp. What may_be_ready reads without the lock is written under it, relaxed: a false says that
// nothing was there that happened before. Values are destroyed, and copied, outside of the lock; they are moved in under it.
// Memory: counted by the handles; the last one frees.
namespace weft::detail {

class [[gnu::visibility("default")]] awaited : public counted {
public:
    spin_lock& lock() noexcept { return lock_; }
    std::uint64_t rank() const noexcept { return rank_; }
    std::size_t waiting() noexcept;

    // --- under the lock
    void enqueue(wait_node& node) noexcept { waiting_.push(node); }
    void withdraw(wait_node& node) noexcept { waiting_.withdraw(node); }

protected:
    awaited() noexcept;

    // A blocking call: until ready(claimed_list&), called under the lock, gives true. False: the deadline. Throws `cancelled`.
    template <class Ready>
    bool wait_until(clock::time_point deadline, const wait_reason& reason, Ready ready) {
        begin_operation();
        for (;;) {
            wait_node node;
            {
                claimed_list woken;
                const std::lock_guard held(lock_);
                if (ready(woken)) return true;
                arm(node, reason);
                waiting_.push(node);
            }
            if (!park_in(waiting_, node, deadline)) return false;
        }
    }

    static void arm(wait_node& node, const wait_reason& reason) noexcept;
    // Without the lock. True: the node was claimed by who owns the queue. False: the deadline. Throws `cancelled`.
    bool park_in(wait_queue& queue, wait_node& node, clock::time_point deadline);

    spin_lock lock_;
    wait_queue waiting_;

private:
    const std::uint64_t rank_;
};

// One that its senders own, by handles that are counted apart; closed by them, or when the last of them ends.
class [[gnu::visibility("default")]] publication : public awaited {
public:
    void add_owner() noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
    void owner_left() noexcept;
    void close(const char* place); // throws channel_closed, naming the place
    bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

protected:
    // Under the lock: what a close does to those who wait to send.
    virtual void refuse_senders(claimed_list&) noexcept {}

private:
    bool close_once() noexcept;

    std::atomic<bool> closed_{false}; // written under the lock
    std::atomic<std::size_t> owners_{1};
};

[[noreturn, gnu::visibility("default")]] void throw_moved_from(const char* place);

template <class State>
State& state_of(const counted_ref<State>& handle, const char* place) {
    if (!handle) throw_moved_from(place);
    return *handle;
}

// A sender's handle of a publication; copies are owners, too.
template <class State>
class owner_ref {
public:
    explicit owner_ref(State* adopted) noexcept : state_(adopted) {}
    owner_ref(const owner_ref& other) noexcept : state_(other.state_) {
        if (state_) state_->add_owner();
    }
    owner_ref(owner_ref&&) noexcept = default;
    owner_ref& operator=(const owner_ref& other) noexcept {
        owner_ref copied(other);
        std::swap(state_, copied.state_);
        return *this;
    }
    owner_ref& operator=(owner_ref&& other) noexcept {
        owner_ref moved(std::move(other));
        std::swap(state_, moved.state_);
        return *this;
    }
    ~owner_ref() {
        if (state_) state_->owner_left();
    }

    State& at(const char* place) const { return state_of(state_, place); }
    counted_ref<State> shared(const char* place) const {
        at(place);
        return state_;
    }

private:
    counted_ref<State> state_;
};

// For tests.
struct awaited_access {
    template <class Handle>
    static auto& state(const Handle& handle) {
        return handle.state("weft::detail::awaited_access");
    }
};

} // namespace weft::detail
