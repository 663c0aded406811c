// SPDX-License-Identifier: BSL-1.0
#include "cancel/scope_stack.hpp"

#include "base/check.hpp"
#include "scheduler/worker.hpp"
#include "waiting/thread_waiter.hpp"

#include <weft/waiting/park.hpp>

#include <algorithm>
#include <exception>
#include <mutex>
#include <string>

namespace weft {
namespace {

std::string text_of_timeout(clock::duration allowed) {
    if (allowed == clock::duration::zero()) return "timed out: the deadline has passed";
    const auto nanoseconds = allowed.count();
    const char* unit = "ns";
    auto shown = nanoseconds;
    for (const char* larger : {"us", "ms", "s"}) {
        if (shown % 1000 != 0) break;
        shown /= 1000;
        unit = larger;
    }
    return "timed out: " + std::to_string(shown) + " " + unit + " have passed";
}

} // namespace

scope_stack& scope_stack::current() noexcept {
    worker* here = worker::current();
    if (here != nullptr && here->running() != nullptr) return here->running()->scopes;
    return thread_waiter::of_this_thread().scopes;
}

void scope_stack::reset() noexcept {
    owner_.cancel_flags.store(0, std::memory_order_relaxed);
    owner_.shields = 0;
    requested_ = false;
    has_adopted_ = false;
}

void scope_stack::open(detail::scope_frame& frame) noexcept {
    const unsigned uncaught = static_cast<unsigned>(std::uncaught_exceptions());
    const bool hides = frame.kind_ == detail::scope_kind::shields || uncaught != owner_.uncaught_at_scope;
    frame.outer_ = innermost_;
    frame.depth_ = innermost_ == nullptr ? 1 : innermost_->depth_ + 1;
    frame.outer_deadline_ = deadline_;
    frame.outer_visible_from_ = visible_from_;
    frame.outer_uncaught_ = owner_.uncaught_at_scope;
    innermost_ = &frame;
    owner_.uncaught_at_scope = uncaught;
    deadline_ = hides ? frame.deadline_ : std::min(deadline_, frame.deadline_);
    if (hides) {
        const std::lock_guard guard(lock_);
        visible_from_ = frame.depth_;
        settle_flags();
    } else if (frame.outer_deadline_ == never && deadline_ != never) {
        owner_.cancel_flags.fetch_or(cancellable::timed, std::memory_order_relaxed);
    }
}

void scope_stack::close(detail::scope_frame& frame) noexcept {
    if (innermost_ != &frame)
        fatal("weft::cancel_scope: scopes are closed in another order than that in which they were opened, "
              "or by "
              "another fiber or thread (a scope held across a generator's yield?)");
    innermost_ = frame.outer_;
    deadline_ = frame.outer_deadline_;
    owner_.uncaught_at_scope = frame.outer_uncaught_;
    const std::lock_guard guard(lock_);
    visible_from_ = frame.outer_visible_from_;
    for (detail::cancel_listener* each = adopted_.first(); each != nullptr;
        each = detail::listener_list::after(*each)) {
        auto& state = static_cast<detail::adopted_state&>(*each);
        state.depth_ = std::min(state.depth_, frame.depth_ - 1);
        state.visible_from_ = std::min(state.visible_from_, visible_from_);
    }
    settle_flags();
}

// Under lock_.
void scope_stack::settle_flags() noexcept {
    const std::uint32_t flags = (outermost_fired() != nullptr ? cancellable::pending : 0U) |
        (deadline_ != never ? cancellable::timed : 0U);
    if (owner_.cancel_flags.load(std::memory_order_relaxed) != flags)
        owner_.cancel_flags.store(flags, std::memory_order_seq_cst);
}

// Under lock_; of those that count.
const cancel_reason* scope_stack::outermost_fired() const noexcept {
    if (visible_from_ == 0 && requested_) return &why_requested_;
    const cancel_reason* found = nullptr;
    for (const detail::scope_frame* each = innermost_; each != nullptr && each->depth_ >= visible_from_;
        each = each->outer_)
        if (each->fired_) found = &each->why_;
    return found;
}

void scope_stack::raise_if_due() {
    cancel_reason why;
    bool fired = false;
    {
        const std::lock_guard guard(lock_);
        if (const cancel_reason* reason = outermost_fired()) {
            why = *reason;
            fired = true;
        }
    }
    if (fired) why.raise();
    if (deadline_ == never) return;
    const clock::time_point now = clock::now();
    if (now < deadline_) return;
    const detail::scope_frame* late = nullptr;
    for (const detail::scope_frame* each = innermost_; each != nullptr && each->depth_ >= visible_from_;
        each = each->outer_)
        if (each->deadline_ <= now) late = each;
    cancel_reason::deadline(text_of_timeout(late == nullptr ? clock::duration::zero() : late->allowed_))
        .raise();
}

// Under lock_.
void scope_stack::interrupt(claimed_list& claimed) noexcept {
    owner_.cancel_flags.fetch_or(cancellable::pending, std::memory_order_seq_cst); // [C1]
    const std::uint64_t word = owner_.word();
    constexpr std::uint64_t parked = waiter::armed | waiter::saved;
    if ((word & (parked | waiter::claimed | waiter::shielded)) != parked) return;
    // Of two that find the owner parked, one claims it; the node is free again before the owner is woken.
    const wait_epoch epoch = waiter::epoch_of(word);
    if (owner_.claim(epoch, wake_cause::cancelled)) {
        wake_.who = &owner_;
        claimed.add_claimed(wake_);
    }
}

void scope_stack::request(const cancel_reason& why) noexcept {
    detail::cancellation run(why);
    {
        const std::lock_guard guard(lock_);
        if (requested_) return;
        requested_ = true;
        why_requested_ = why;
        if (visible_from_ == 0) interrupt(run.claimed());
        take_adopted(0, run);
    }
    run.finish();
}

void scope_stack::fire(detail::scope_frame& frame, detail::cancellation& run) noexcept {
    frame.of_.fire_here(frame, run);
}

void scope_stack::fire_here(detail::scope_frame& frame, detail::cancellation& run) noexcept {
    const std::lock_guard guard(lock_);
    if (frame.fired_) return;
    frame.fired_ = true;
    frame.why_ = run.why();
    if (frame.depth_ >= visible_from_) interrupt(run.claimed());
    take_adopted(frame.depth_, run);
}

// Under lock_: those that were begun in the scope of this depth or further in, and not behind a shield inside it.
void scope_stack::take_adopted(std::uint32_t depth, detail::cancellation& run) noexcept {
    detail::cancel_listener* next = nullptr;
    for (detail::cancel_listener* each = adopted_.first(); each != nullptr; each = next) {
        next = detail::listener_list::after(*each);
        auto& state = static_cast<detail::adopted_state&>(*each);
        if (state.depth_ < depth || state.visible_from_ > depth) continue;
        adopted_.remove(state);
        state.tell(run);
    }
}

void scope_stack::adopt(detail::adopted_state& state) noexcept {
    cancel_reason why;
    {
        const std::lock_guard guard(lock_);
        const cancel_reason* fired = outermost_fired();
        if (fired == nullptr) {
            state.by_.store(this, std::memory_order_relaxed);
            state.depth_ = innermost_ == nullptr ? 0 : innermost_->depth_;
            state.visible_from_ = visible_from_;
            adopted_.add(state);
            has_adopted_ = true;
            return;
        }
        why = *fired;
    }
    state.state().cancel(why);
}

void scope_stack::release(detail::adopted_state& state) noexcept {
    scope_stack* by = state.by_.load(std::memory_order_acquire);
    if (by == nullptr) return;
    const std::lock_guard guard(by->lock_);
    by->adopted_.remove(state);
}

void scope_stack::release_all() noexcept {
    if (!has_adopted_) return;
    const std::lock_guard guard(lock_);
    while (detail::cancel_listener* first = adopted_.first()) adopted_.remove(*first);
}

namespace detail {

scope_frame::scope_frame(scope_kind kind, clock::time_point deadline, clock::duration allowed) noexcept
    : of_(scope_stack::current()),
      kind_(kind),
      deadline_(deadline),
      allowed_(allowed) {
    of_.open(*this);
}

scope_frame::~scope_frame() { of_.close(*this); }

void scope_frame::cancel(const cancel_reason& why) noexcept {
    cancellation run(why);
    scope_stack::fire(*this, run);
    run.finish();
}

} // namespace detail
} // namespace weft
