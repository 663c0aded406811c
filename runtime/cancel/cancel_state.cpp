// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/cancel_state.hpp>
#include <weft/detail/scope_frame.hpp>
#include <weft/fiber.hpp>
#include <weft/sync/wait_group.hpp>
#include <weft/waiting/park.hpp>
#include <weft/waiting/source.hpp>

#include <mutex>
#include <utility>

namespace weft::detail {
namespace {

constexpr wait_reason callback_running{"the end of a cancellation callback"};
// Told in one go, while others wait for the lock.
constexpr int told_at_once = 32;

} // namespace

void listener_list::add(cancel_listener& one) noexcept {
    one.linked = true;
    one.previous = nullptr;
    one.next = first_;
    if (first_ != nullptr) first_->previous = &one;
    first_ = &one;
}

bool listener_list::remove(cancel_listener& one) noexcept {
    if (!one.linked) return false;
    (one.previous == nullptr ? first_ : one.previous->next) = one.next;
    if (one.next != nullptr) one.next->previous = one.previous;
    one.linked = false;
    return true;
}

// --- one cancellation

void cancellation::cancel_later(state_link& link) noexcept {
    link.next = links_;
    links_ = &link;
}

void cancellation::call_later(cancel_callback& callback) noexcept {
    callback.next = callbacks_;
    callbacks_ = &callback;
}

void cancellation::settle() noexcept {
    claimed_.wake();
    while (links_ != nullptr) {
        auto& link = static_cast<state_link&>(*std::exchange(links_, links_->next));
        cancel_state& state = link.state();
        state.cancel(*this);
        state.drop_reference();
    }
}

void cancellation::finish() noexcept {
    settle();
    while (to_tell_ != nullptr) {
        cancel_state& state = *std::exchange(to_tell_, to_tell_->next_to_tell_);
        while (state.tell_some(*this)) settle();
        state.drop_reference();
    }
    // Last: they may take their time.
    while (callbacks_ != nullptr) {
        auto& callback = static_cast<cancel_callback&>(*std::exchange(callbacks_, callbacks_->next));
        cancel_state& of = callback.of_;
        callback.call();
        callback.drop_reference();
        of.drop_reference();
    }
}

// --- the state

cancel_state::cancel_state() noexcept : rank_(new_lock_rank()) {}
cancel_state::~cancel_state() = default;

counted_ref<cancel_state> cancel_state::make(std::span<cancel_state* const> parents) {
    struct plain final : cancel_state {};
    counted_ref<cancel_state> made(new plain);
    if (parents.empty()) return made;
    made->links_ = std::make_unique<child_link[]>(parents.size());
    for (std::size_t i = 0; i < parents.size(); ++i) made->links_[i].link(*made, *parents[i]);
    return made;
}

void cancel_state::cancel(const cancel_reason& why) noexcept {
    cancellation run(why);
    cancel(run);
    run.finish();
}

void cancel_state::cancel(cancellation& run) noexcept {
    {
        const std::lock_guard guard(lock_);
        if (cancelled_.load(std::memory_order_relaxed)) return;
        why_ = run.why();
        cancelled_.store(true, std::memory_order_release); // [T1]
        run.claimed().claim_all(selecting_);
    }
    add_reference();
    next_to_tell_ = run.to_tell_;
    run.to_tell_ = this;
}

// False: there was none.
bool cancel_state::tell_some(cancellation& run) noexcept {
    const std::lock_guard guard(lock_);
    for (int told = 0; told < told_at_once; ++told) {
        cancel_listener* first = listeners_.first();
        if (first == nullptr) return told != 0;
        listeners_.remove(*first);
        first->tell(run);
    }
    return true;
}

bool cancel_state::add(cancel_listener& one) noexcept {
    const std::lock_guard guard(lock_);
    if (cancelled_.load(std::memory_order_relaxed)) return false;
    listeners_.add(one);
    return true;
}

bool cancel_state::remove(cancel_listener& one) noexcept {
    const std::lock_guard guard(lock_);
    return listeners_.remove(one);
}

// --- states that are cancelled with others

void state_link::tell(cancellation& run) noexcept {
    if (state_->try_add_reference()) run.cancel_later(*this);
}

// A chain of ancestors that nobody else refers to ends here, one after the other, not one inside the other.
cancel_state::child_link::~child_link() {
    counted_ref<cancel_state> above = unlink();
    while (above && above->referred_to_once() && above->links_ != nullptr) above = above->links_[0].unlink();
}

counted_ref<cancel_state> cancel_state::child_link::unlink() noexcept {
    if (parent_) parent_->remove(*this);
    return std::move(parent_);
}

void cancel_state::child_link::link(cancel_state& child, cancel_state& parent) noexcept {
    state_ = &child;
    parent.add_reference();
    parent_ = counted_ref<cancel_state>(&parent);
    if (!parent.add(*this)) child.cancel(parent.reason());
}

// --- callbacks

void cancel_callback::tell(cancellation& run) noexcept {
    add_reference();
    of_.add_reference();
    run.call_later(*this);
}

void cancel_callback::call() noexcept {
    {
        const std::lock_guard guard(of_.lock_);
        if (ended_) return;
        runner_ = &this_waiter();
    }
    {
        // Whoever it runs on may be part of what is being cancelled.
        const scope_frame shield(scope_kind::shields);
        try {
            function_();
        } catch (...) {
            if (!this_fiber::in_fiber()) std::terminate(); // as for what leaves a thread
            report_unhandled_here();
        }
    }
    claimed_list claimed;
    const std::lock_guard guard(of_.lock_);
    ended_ = true;
    claimed.claim_all(waiting_for_end_);
}

void cancel_callback::withdraw() noexcept {
    waiter& me = this_waiter();
    wait_node node(me, 0);
    {
        const std::lock_guard guard(of_.lock_);
        of_.listeners_.remove(*this);
        if (runner_ == nullptr) ended_ = true;
        if (ended_ || runner_ == &me) return;
        node.epoch = me.arm(callback_running);
        waiting_for_end_.push(node);
    }
    const cancellation_shield shield;
    park();
}

// --- std::stop_token

cancel_state::stop_bridge::~stop_bridge() = default;

std::stop_token cancel_state::std_token() {
    {
        const std::lock_guard guard(lock_);
        if (bridge_ != nullptr) return bridge_->source.get_token();
    }
    auto made = std::make_unique<stop_bridge>();
    made->callback =
        counted_ref(new cancel_callback(*this, [source = made->source]() mutable { source.request_stop(); }));
    std::stop_token token;
    {
        const std::lock_guard guard(lock_);
        if (bridge_ == nullptr) {
            bridge_ = std::move(made);
            if (!is_cancelled()) listeners_.add(*bridge_->callback);
        }
        token = bridge_->source.get_token();
    }
    if (is_cancelled()) bridge_->source.request_stop();
    return token;
}

namespace {

// Cancelled by a std::stop_token. The callback may come while the last reference goes; it is waited for by the member's end.
class stopped_state final : public cancel_state {
public:
    explicit stopped_state(std::stop_token by) : on_stop_(std::move(by), cancels{this}) {}

private:
    struct cancels {
        stopped_state* self;
        void operator()() const noexcept {
            if (!self->try_add_reference()) return;
            self->cancel("std::stop_token: stop was requested");
            self->drop_reference();
        }
    };
    std::stop_callback<cancels> on_stop_;
};

} // namespace

counted_ref<cancel_state> cancel_state::make_from(std::stop_token by) {
    return counted_ref<cancel_state>(new stopped_state(std::move(by)));
}

} // namespace weft::detail
