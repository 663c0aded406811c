// SPDX-License-Identifier: BSL-1.0
#include "scheduler/process.hpp"

#include "base/thread_state.hpp"
#include "fiber/fiber_registry.hpp"
#include "fiber/sanitizer_fiber.hpp"
#include "generator/second_stack.hpp"
#include "scheduler/scheduler.hpp"
#include "waiting/thread_waiter.hpp"

#include <weft/backend/sys.hpp>
#include <weft/debug.hpp>

#include <algorithm>
#include <cstdlib>
#include <iostream>

namespace weft {

process& process::instance() {
    static auto* all = new process; // never destroyed, as the control blocks
    return *all;
}

void process::add(scheduler& started) {
    const std::lock_guard guard(mutex_);
    schedulers_.push_back(&started);
}

void process::remove(scheduler& ended) noexcept {
    const std::lock_guard guard(mutex_);
    std::erase(schedulers_, &ended);
}

std::function<void(const fiber_info&, std::exception_ptr)> process::unhandled_handler_of(
    const fiber_control& fiber) {
    const std::lock_guard guard(mutex_);
    const bool alive = std::find(schedulers_.begin(), schedulers_.end(), &fiber.home()) != schedulers_.end();
    return alive ? fiber.home().settings().on_unhandled : nullptr;
}

// What is looked at is stable once it holds: with every worker asleep, no timer armed and every living fiber parked on what
// only another fiber could end, nothing inside changes any more; and outside there is no thread that could change it.
bool process::check_deadlock() {
    const std::lock_guard guard(mutex_);
    for (const scheduler* each : schedulers_)
        if (!each->quiet() || each->first_timer() != never || each->shutting_down() || each->blocking.busy())
            return false;
    bool somebody_waits = false;
    bool can_be_woken = false;
    fiber_registry::instance().for_each([&](fiber_control& fiber) {
        if (fiber.has_ended()) return;
        somebody_waits = true;
        const wait_reason* reason = fiber.reason();
        if (fiber.phase.load(std::memory_order_relaxed) != fiber_phase::parked || reason == nullptr ||
            reason->external)
            can_be_woken = true;
    });
    if (!somebody_waits || can_be_woken) return false;
    if (foreign_threads()) return true;
    for (const scheduler* each : schedulers_)
        if (!each->quiet()) return false;
    std::cerr << "all fibers are asleep - deadlock!\n\n";
    debug::dump(std::cerr);
    std::cerr.flush();
    std::_Exit(2);
}

bool process::foreign_threads() noexcept {
    constexpr unsigned sanitizers_own = sanitized_thread ? 1 : 0;
    const std::lock_guard guard(waiting_mutex_);
    const auto waiting = std::ranges::count_if(
        waiting_in_run_, [](const thread_waiter* who) { return (who->word() & waiter::claimed) == 0; });
    return sys::thread_count() >
        own_threads.load(std::memory_order_relaxed) + static_cast<unsigned>(waiting) + sanitizers_own;
}

process::waits_in_run::waits_in_run(thread_waiter& who) noexcept
    : who_(this_thread_state().runs_entered == 0 ? nullptr : &who) {
    if (who_ == nullptr) return;
    process& all = instance();
    const std::lock_guard guard(all.waiting_mutex_);
    all.waiting_in_run_.push_back(who_);
}

process::waits_in_run::~waits_in_run() {
    if (who_ == nullptr) return;
    process& all = instance();
    const std::lock_guard guard(all.waiting_mutex_);
    std::erase(all.waiting_in_run_, who_);
}

void process::report_failed_shutdown(scheduler& of) {
    std::cerr << "weft: shutdown: " << of.living() << " fibers did not end within "
              << std::chrono::duration<double>(of.settings().shutdown_timeout).count()
              << " s of being cancelled (options::shutdown_timeout)\n\n";
    debug::dump(std::cerr);
    std::cerr.flush();
    std::abort();
}

void process::report_blocked_shutdown(const scheduler& of, std::size_t calls) {
    std::cerr << "weft: shutdown: " << calls << " blocking calls did not return within "
              << std::chrono::duration<double>(of.settings().shutdown_timeout).count()
              << " s (options::shutdown_timeout)" << std::endl;
    std::abort();
}

// In a signal handler, on the thread that faulted.
bool process::find_overflow(const void* address, overflow_subject& subject) noexcept {
    worker* here = worker::current();
    if (here == nullptr || here->running() == nullptr) return false;
    const stack_slot of_generator = detail::second_stack::find(address);
    const stack_slot hit = of_generator ? of_generator : here->home().stacks.find(address);
    if (!hit || static_cast<const std::byte*>(address) >= hit.low) return false;
    const fiber_control& fiber = *here->running();
    subject.id = fiber.id;
    subject.name = fiber.name;
    subject.file = fiber.where.line() == 0 ? nullptr : fiber.where.file_name();
    subject.line = static_cast<unsigned>(fiber.where.line());
    subject.spawned_from = fiber.spawned_from;
    const stack_slot& stack = of_generator ? of_generator : fiber.stack;
    subject.low = stack.low;
    subject.high = stack.top();
    subject.size = stack_class::of(stack.size_class, stack_slot::unit).body;
    subject.in_generator = static_cast<bool>(of_generator);
    return true;
}

} // namespace weft
