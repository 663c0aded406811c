// SPDX-License-Identifier: BSL-1.0
#include "base/check.hpp"
#include "cancel/scope_stack.hpp"
#include "generator/second_stack.hpp"
#include "scheduler/worker.hpp"
#include "task/unhandled.hpp"
#include "waiting/thread_waiter.hpp"

#include <weft/cancelled.hpp>
#include <weft/waiting/park.hpp>

#include <optional>
#include <stdexcept>
#include <utility>

namespace weft::detail {
namespace {

// Thrown by yield() to unwind a body whose generator is destroyed.
struct generator_destroyed {};

[[noreturn]] void throw_used_inside() {
    throw std::logic_error("weft::generator: used from inside its own body, or by two at a time");
}

// An exception is unwinding the consumer, and its blocking calls are shielded: the body's must be, which has none in flight itself.
bool consumer_unwinds() noexcept {
    const int in_flight = std::uncaught_exceptions();
    if (in_flight == 0) return false;
    const auto& self = static_cast<const cancellable&>(this_waiter());
    return self.shielded(static_cast<unsigned>(in_flight));
}

} // namespace

generator_core::~generator_core() = default;

void throw_no_generator() { throw std::logic_error("weft::generator: begin() of one that was moved from"); }

void generator_core::begin() {
    if (inside_) throw_used_inside();
    if (stack_ != nullptr || ended_) return;
    stack_ = &second_stack::make(*this, stack_size_);
    resume();
}

void generator_core::advance() {
    if (inside_) throw_used_inside();
    if (!ended_) resume();
}

void generator_core::resume() {
    {
        std::optional<cancellation_shield> shield;
        if (consumer_unwinds()) shield.emplace();
        inside_ = true;
        stack_->resume();
        inside_ = false;
    }
    if (!ended_) return;
    second_stack::give_back(*std::exchange(stack_, nullptr));
    if (failure_ != nullptr) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void generator_core::yield(void* value) {
    if (!inside_ || !stack_->is_running_here())
        throw std::logic_error("weft::generator: yield outside of the body's own stack");
    if (stopped_) throw generator_destroyed();
    value_ = value;
    stack_->yield();
    if (stopped_) throw generator_destroyed();
}

void generator_core::run_to_end() noexcept {
    try {
        run();
    } catch (const generator_destroyed&) { // NOLINT(bugprone-empty-catch): it has done its work
    } catch (...) {
        failure_ = std::current_exception();
    }
    ended_ = true;
}

void generator_core::stop() noexcept {
    if (inside_) fatal("weft::generator: destroyed from inside its own body");
    if (stack_ == nullptr) return;
    stopped_ = true;
    const cancellation_shield shield;
    try {
        resume();
    } catch (const cancelled&) { // NOLINT(bugprone-empty-catch): no failure
    } catch (...) {
        report_lost(std::current_exception(), "a generator's body that was being unwound");
    }
}

} // namespace weft::detail
