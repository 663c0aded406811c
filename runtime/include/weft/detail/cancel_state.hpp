// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/cancelled.hpp>
#include <weft/waiting/claimed_list.hpp>
#include <weft/waiting/counted.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <utility>

// What sources and tokens share; the tree of cancellation.
//
// Purpose. A state is cancelled once, for the first reason given, and then tells its listeners: the scopes of fibers that wait under
// it, its children, callbacks; and wakes the selects that wait for it. After cancel() has returned, its descendants are cancelled.
//
// Who may call. Any fiber or thread all of it.
//
// How. The one who turns cancelled_ tells the listeners, some at a time: under lock_ each is unlinked and told (tell), which may
// claim a waiter and may leave work behind, in the `cancellation`, that is done when lock_ is free: states to be cancelled next,
// callbacks to be called. Children are done one after the other, not one inside the other: the tree may be deep.
//
// Invariants. A listener is in the list of one state, or in none. Whoever unlinked it owns its links. A listener that is not linked
// has been told, or removed before: after remove() it will not be told; what it left behind holds references.
//
// [T1] cancelled_ is stored with release under lock_ and loaded with acquire: the reason, and what the canceller did before.
//
// Locks. A state's lock_, then one of a scope_stack or none; never two states'. Memory: counted; a child refers to its parents, a
// parent knows its children by their links, which they remove before they end: a parent that meets a dying child passes it by.
namespace weft {

class scope_stack;
class waiter;

namespace detail {

class cancel_state;
class cancel_callback;
class cancellation;

class cancel_listener {
public:
    cancel_listener() = default;
    cancel_listener(const cancel_listener&) = delete;
    cancel_listener& operator=(const cancel_listener&) = delete;

    // Under the lock of the list, from which it has been taken. Does not throw, wait or take that lock.
    virtual void tell(cancellation& run) noexcept = 0;

    cancel_listener* next = nullptr; // these three: of the list, then of who has unlinked it
    cancel_listener* previous = nullptr;
    bool linked = false;

protected:
    ~cancel_listener() = default;
};

class listener_list {
public:
    cancel_listener* first() const noexcept { return first_; }
    static cancel_listener* after(const cancel_listener& one) noexcept { return one.next; }
    void add(cancel_listener& one) noexcept;
    // False: it was not in it.
    bool remove(cancel_listener& one) noexcept;

private:
    cancel_listener* first_ = nullptr;
};

// A state that is cancelled with something else.
class state_link : public cancel_listener {
public:
    void tell(cancellation& run) noexcept override;
    cancel_state& state() const noexcept { return *state_; }

protected:
    state_link() = default;
    explicit state_link(cancel_state& of) noexcept : state_(&of) {}
    ~state_link() = default;
    cancel_state* state_ = nullptr;
};

// By a scope_stack.
class adopted_state final : public state_link {
public:
    explicit adopted_state(cancel_state& of) noexcept : state_link(of) {}

private:
    friend class weft::scope_stack;
    std::atomic<scope_stack*> by_{nullptr};
    std::uint32_t depth_ = 0;
    std::uint32_t visible_from_ = 0;
};

// One who runs cancellations: what is left to be done when no lock is held.
class [[gnu::visibility("default")]] cancellation {
public:
    explicit cancellation(cancel_reason why) noexcept : why_(std::move(why)) {}
    cancellation(const cancellation&) = delete;
    cancellation& operator=(const cancellation&) = delete;

    const cancel_reason& why() const noexcept { return why_; }
    claimed_list& claimed() noexcept { return claimed_; }
    void cancel_later(state_link& link) noexcept;        // with a reference to its state
    void call_later(cancel_callback& callback) noexcept; // with a reference

    // Without a lock: does what is left.
    void finish() noexcept;

private:
    friend class cancel_state;
    void settle() noexcept;

    const cancel_reason why_;
    claimed_list claimed_;
    cancel_listener* links_ = nullptr;
    cancel_listener* callbacks_ = nullptr;
    cancel_state* to_tell_ = nullptr; // cancelled, their listeners not told yet; with references
};

class [[gnu::visibility("default")]] cancel_state : public counted {
public:
    // Cancelled with each of its parents.
    static counted_ref<cancel_state> make(std::span<cancel_state* const> parents = {});
    static counted_ref<cancel_state> make_from(std::stop_token by);
    // Stopped when this is cancelled.
    std::stop_token std_token();

    bool is_cancelled() const noexcept { return cancelled_.load(std::memory_order_acquire); } // [T1]
    // Once cancelled.
    const cancel_reason& reason() const noexcept { return why_; }

    // The first wins.
    void cancel(const cancel_reason& why) noexcept;
    // As part of a cancellation that goes on, which then tells the listeners.
    void cancel(cancellation& run) noexcept;

    // False: cancelled already; the listener was neither added nor told.
    bool add(cancel_listener& one) noexcept;
    // False: it was not linked.
    bool remove(cancel_listener& one) noexcept;

    spin_lock& lock() noexcept { return lock_; }
    std::uint64_t rank() const noexcept { return rank_; }
    // Under the lock: the selects that wait for it.
    wait_queue& selecting() noexcept { return selecting_; }

protected:
    cancel_state() noexcept;
    ~cancel_state() override;

private:
    friend class cancellation;
    friend class cancel_callback;
    bool tell_some(cancellation& run) noexcept;

    struct stop_bridge {
        std::stop_source source;
        counted_ref<cancel_callback> callback;
        ~stop_bridge();
    };

    class child_link final : public state_link {
    public:
        child_link() = default;
        ~child_link();
        void link(cancel_state& child, cancel_state& parent) noexcept;
        counted_ref<cancel_state> unlink() noexcept;

    private:
        counted_ref<cancel_state> parent_;
    };

    std::atomic<bool> cancelled_{false};
    spin_lock lock_;
    const std::uint64_t rank_;
    cancel_reason why_;
    listener_list listeners_;
    wait_queue selecting_;
    cancel_state* next_to_tell_ = nullptr; // of whoever turned cancelled_
    std::unique_ptr<child_link[]> links_;
    std::unique_ptr<stop_bridge> bridge_;
};

// A function that is called once, by whoever cancels, when all else is told. Counted by its registration and by who calls it.
class [[gnu::visibility("default")]] cancel_callback final : public counted, public cancel_listener {
public:
    cancel_callback(cancel_state& of, std::function<void()> function) noexcept
        : of_(of),
          function_(std::move(function)) {}

    void tell(cancellation& run) noexcept override;
    void call() noexcept;
    // It will not be called any more, and does not run, unless it is who asks for this.
    void withdraw() noexcept;

private:
    friend class cancellation;

    cancel_state& of_; // alive while somebody may call it
    std::function<void()> function_;
    const waiter* runner_ = nullptr; // these two: under the state's lock
    bool ended_ = false;
    wait_queue waiting_for_end_;
};

} // namespace detail
} // namespace weft
