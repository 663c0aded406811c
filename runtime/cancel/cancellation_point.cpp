// SPDX-License-Identifier: BSL-1.0
#include "cancel/scope_stack.hpp"
#include "scheduler/worker.hpp"
#include "waiting/thread_waiter.hpp"

#include <weft/cancelled.hpp>
#include <weft/waiting/park.hpp>

namespace weft {
namespace {

// nullptr: a thread that has never waited nor opened a scope.
cancellable* this_cancellable() noexcept {
    const thread_state& state = this_thread_state();
    if (state.current_worker != nullptr && state.current_worker->running() != nullptr)
        return state.current_worker->running();
    return state.waiter;
}

unsigned exceptions_in_flight() noexcept { return static_cast<unsigned>(std::uncaught_exceptions()); }

} // namespace

void throw_cancelled() {
    scope_stack::current().raise_if_due();
    throw cancelled();
}

void cancellation_point() {
    const cancellable* self = this_cancellable();
    if (self == nullptr || self->untroubled() || self->shielded(exceptions_in_flight())) return;
    scope_stack::current().raise_if_due();
}

cancellation_shield::cancellation_shield() noexcept { ++static_cast<cancellable&>(this_waiter()).shields; }
cancellation_shield::~cancellation_shield() { --static_cast<cancellable&>(this_waiter()).shields; }

} // namespace weft
