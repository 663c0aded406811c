// SPDX-License-Identifier: BSL-1.0
#include "scheduler/scheduler.hpp"
#include "scheduler/timer_heap.hpp"
#include "scheduler/worker.hpp"
#include "waiting/thread_waiter.hpp"

#include <weft/fiber.hpp>
#include <weft/waiting/park.hpp>
#include <weft/waiting/ready_list.hpp>

#include <thread>

namespace weft {
namespace {

constexpr wait_reason sleeping{"a sleep", true};

fiber_control* running_fiber() noexcept {
    const worker* here = worker::current();
    return here == nullptr ? nullptr : here->running();
}

wake_cause park_until(worker& here, fiber_control& self, clock::time_point deadline) noexcept {
    const wait_epoch epoch = waiter::epoch_of(self.word());
    if (deadline <= clock::now() && self.claim(epoch, wake_cause::deadline)) return wake_cause::deadline;
    timer_node timer(self, epoch);
    if (here.timers().arm(timer, deadline)) here.home().timer_armed(deadline);
    here.park();
    timer_heap::disarm(timer);
    return self.cause();
}

// Of a wait that ended no later than a scope's deadline, which came before its own.
wake_cause cancelled_by_deadline(wake_cause cause) noexcept {
    return cause == wake_cause::deadline ? wake_cause::cancelled : cause;
}

wake_cause park_thread(clock::time_point deadline) noexcept {
    thread_waiter& self = thread_waiter::of_this_thread();
    if (!self.untroubled() && !self.shielded_now() && self.scopes.deadline() < deadline)
        return cancelled_by_deadline(self.wait_until(self.scopes.deadline()));
    return self.wait_until(deadline);
}

} // namespace

waiter& this_waiter() noexcept {
    if (fiber_control* fiber = running_fiber()) return *fiber;
    return thread_waiter::of_this_thread();
}

wake_cause park(clock::time_point deadline) noexcept {
    worker* here = worker::current();
    if (here == nullptr || here->running() == nullptr) return park_thread(deadline);
    fiber_control& self = *here->running();
    if (!self.untroubled() && !self.shielded(here->exceptions_in_flight()) &&
        self.scopes.deadline() < deadline)
        return cancelled_by_deadline(park_until(*here, self, self.scopes.deadline()));
    if (deadline != never) return park_until(*here, self, deadline);
    here->park();
    return self.cause();
}

void waiter::wake() noexcept {
    scheduler* home = home_.load(std::memory_order_relaxed);
    if (home == nullptr)
        static_cast<thread_waiter*>(this)->unblock();
    else if (set_woken())
        home->make_runnable(static_cast<fiber_control&>(*this));
}

void waiter::wake(ready_list& batch) noexcept {
    if (home_.load(std::memory_order_relaxed) != &batch.home())
        wake();
    else if (set_woken())
        batch.push(static_cast<fiber_control&>(*this));
}

void ready_list::push(fiber_control& fiber) noexcept {
    fiber.phase.store(fiber_phase::runnable, std::memory_order_release);
    fiber.next = nullptr;
    (first_ == nullptr ? first_ : last_->next) = &fiber;
    last_ = &fiber;
    ++size_;
}

fiber_control* ready_list::pop() noexcept {
    fiber_control* fiber = first_;
    if (fiber == nullptr) return nullptr;
    first_ = fiber->next;
    --size_;
    return fiber;
}

void count_operation() {
    worker* here = worker::current();
    if (here == nullptr || here->running() == nullptr || !here->spend_operation()) return;
    here->refill_operations();
    yield();
}

waiter* begin_operation() {
    worker* here = worker::current();
    if (here == nullptr || here->running() == nullptr) {
        cancellation_point();
        return nullptr;
    }
    fiber_control& self = *here->running();
    if (!self.untroubled()) [[unlikely]]
        cancellation_point();
    if (here->spend_operation()) [[unlikely]] {
        here->refill_operations();
        yield();
    }
    return &self;
}

void yield() {
    worker* here = worker::current();
    cancellation_point();
    if (here == nullptr || here->running() == nullptr) return std::this_thread::yield();
    here->yield();
}

void sleep_until(clock::time_point deadline) {
    cancellation_point();
    this_waiter().arm(sleeping);
    if (park(deadline) == wake_cause::cancelled) throw_cancelled();
}

void sleep(clock::duration duration) {
    if (duration <= clock::duration::zero()) return cancellation_point();
    const clock::time_point now = clock::now();
    sleep_until(duration >= never - now ? never : now + duration);
}

namespace this_fiber {

fiber_id id() noexcept {
    const fiber_control* fiber = running_fiber();
    return fiber == nullptr ? fiber_id() : fiber_id(fiber->id);
}

std::string_view name() noexcept {
    const fiber_control* fiber = running_fiber();
    return fiber == nullptr || fiber->name == nullptr ? std::string_view() : fiber->name;
}

bool in_fiber() noexcept { return running_fiber() != nullptr; }

} // namespace this_fiber
} // namespace weft
