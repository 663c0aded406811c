// SPDX-License-Identifier: BSL-1.0
#include "scheduler/worker.hpp"

#include "fiber/overflow.hpp"
#include "scheduler/process.hpp"
#include "scheduler/scheduler.hpp"
#include "task/task.hpp"

#include <weft/backend/sys.hpp>

#include <string>
#include <utility>

namespace weft {

worker::worker(scheduler& home, unsigned index, std::uint64_t seed)
    : home_(home),
      index_(index),
      random_(seed),
      stacks_(home.stacks) {}

void worker::launch() {
    process::instance().own_threads.fetch_add(1, std::memory_order_relaxed);
    home_.put_in_use(index_);
    home_.active_workers.fetch_add(1, std::memory_order_relaxed);
    home_.idle.join();
    alive_.store(true, std::memory_order_relaxed);
    try {
        thread_ = std::thread([this] { thread_main(); });
    } catch (...) {
        thread_ended();
        throw;
    }
}

void worker::thread_ended() noexcept {
    alive_.store(false, std::memory_order_relaxed);
    home_.idle.leave();
    home_.active_workers.fetch_sub(1, std::memory_order_relaxed);
    process::instance().own_threads.fetch_sub(1, std::memory_order_relaxed);
}

void worker::join_thread() noexcept {
    if (thread_.joinable()) thread_.join();
}

void worker::thread_main() {
    this_thread_state().current_worker = this;
    thread_id_.store(sys::thread_id(), std::memory_order_relaxed);
    sys::name_thread(("weft-" + std::to_string(index_)).c_str());
    sys::finest_timer_slack();
    const alternate_stack for_overflow_reports;
    exceptions_.attach();
    home_sanitizer_.adopt_thread();

    while (fiber_control* next = find_work()) {
        prepare(*next);
        switch_to(next, home_context_, home_sanitizer_, false);
    }
    stacks_.flush();
    control_blocks_.give_back_all();
    this_thread_state().current_worker = nullptr;
    thread_ended();
}

// --- the switch

void worker::set_running(fiber_control* fiber) noexcept {
    running_ = fiber;
    running_seen_.store(fiber, std::memory_order_release);
    if (fiber == nullptr) return;
    fiber->phase.store(fiber_phase::running, std::memory_order_release);
    fiber->resumed.store(fiber->resumed.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void worker::prepare(fiber_control& next) {
    if (next.begun()) return;
    next.stack.used = true;
    next.sanitizer.create(next.stack.low, next.stack.size());
    next.where_it_stands = make_context(next.stack.top(), next.stack.size(), &fiber_main);
}

// Ends with the switch and nothing after it: a return to here that the processor did not predict would cost more than all the
// rest. What is to be done on arrival is in arrive(), which has the state of the destination in its control block.
void worker::leave(fiber_control& self, commit what) {
    fiber_control* next = pick();
    if (next != nullptr) prepare(*next);
    left_ = &self;
    commit_ = what;
    left_shielded_ = self.shielded(exceptions_.uncaught());
    self.exceptions = exceptions_.take();
    switch_to(next, self.where_it_stands, self.sanitizer, false);
}

void worker::switch_to(fiber_control* next, context& from, sanitizer_fiber& from_sanitizer, bool from_ends) {
    set_running(next);
    sanitizer_fiber::before_switch(
        from_sanitizer, next == nullptr ? home_sanitizer_ : next->sanitizer, from_ends);
    switch_context(from, next == nullptr ? home_context_ : next->where_it_stands, this,
        [](void* here) { static_cast<worker*>(here)->arrive(); });
}

// On the destination's stack, before it goes on.
void worker::arrive() noexcept {
    sanitizer_fiber::after_switch(running_ == nullptr ? home_sanitizer_ : running_->sanitizer);
    switch (std::exchange(commit_, commit::nothing)) {
    case commit::nothing: break;
    case commit::parked: commit_park(*left_); break;
    case commit::yielded:
        left_->phase.store(fiber_phase::runnable, std::memory_order_release);
        // Fresh fibers count, too: those that yield for ever would otherwise keep them from beginning.
        if (!home_.shared.empty_approx() || !push_in_turn(*left_)) home_.shared.inject(*left_);
        break;
    case commit::ended:
        left_sanitizer_.destroy();
        stacks_.give_back(left_stack_);
        break;
    }
    exceptions_.put(running_ == nullptr ? exception_state::saved{} : running_->exceptions);
}

void worker::commit_park(fiber_control& fiber) noexcept {
    const bool shielded = left_shielded_;
    fiber.phase.store(fiber_phase::parked, std::memory_order_release);
    fiber.parked_since.store(home_.coarse_now.load(std::memory_order_relaxed), std::memory_order_relaxed);
    const std::uint64_t before = fiber.commit_saved(shielded);
    // From here on the fiber may run elsewhere, unless it was woken before.
    const auto cancelled_meanwhile = [&] {
        return (before & waiter::claimed) == 0 && !shielded &&
            (fiber.cancel_flags.load(std::memory_order_seq_cst) & cancellable::pending) !=
            0 && // [C1] of scope_stack.hpp
            fiber.claim(waiter::epoch_of(before), wake_cause::cancelled);
    };
    if ((before & waiter::woken) != 0 || cancelled_meanwhile()) run_soon(fiber);
}

void worker::fiber_main(void* transfer) {
    auto* on = static_cast<worker*>(transfer);
    for (;;) {
        fiber_control& self = *on->running_;
        const stack_slot stack = self.stack;
        run_task(self);
        on = current();
        on->end(self, stack);
    }
}

// Returns if the next fiber has yet to begin: it begins on this stack, warm as it is, without a switch.
void worker::end(fiber_control& self, stack_slot stack) {
    sanitizer_fiber sanitizer = std::exchange(self.sanitizer, {});
    end_fiber(*this, self); // self may be somebody else's from here on
    fiber_control* next = pick();
    if (next != nullptr && !next->begun() && next->stack.size_class == stack.size_class &&
        !sanitized_thread) {
        stacks_.give_back(std::exchange(next->stack, stack));
        next->sanitizer = sanitizer;
        next->where_it_stands = stack.top();
        set_running(next);
        exceptions_.clear();
        return;
    }
    if (next != nullptr) prepare(*next);
    left_stack_ = stack;
    left_sanitizer_ = sanitizer;
    commit_ = commit::ended;
    switch_to(next, abandoned_, left_sanitizer_, true);
    __builtin_unreachable();
}

void worker::park() { leave(*running_, commit::parked); }

void worker::yield() {
    if (!has_work() && home_.shared.empty_approx()) {
        ticks_.store(ticks_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        if (--until_attention_ != 0 && !attention_.load(std::memory_order_relaxed)) return;
        if (fiber_control* fiber = attend()) run_later(*fiber);
        if (!has_work()) return;
    }
    leave(*running_, commit::yielded);
}

// --- queues

void worker::run_soon(fiber_control& fiber) noexcept {
    fiber.phase.store(fiber_phase::runnable, std::memory_order_release);
    // No sleeper is woken for it: this worker is about to take it. If the running fiber keeps the worker, the watchdog sees to it.
    if (fiber_control* displaced = queue_.set_next(&fiber)) run_later(*displaced);
}

void worker::run_later(fiber_control& fiber) noexcept {
    if (!push_in_turn(fiber)) home_.shared.inject(fiber);
    if (home_.several_workers()) home_.notify();
}

void worker::run_fresh(fiber_control& fiber) noexcept {
    const bool several = home_.several_workers();
    if (!queue_.push(&fiber, several)) overflow_with(fiber);
    if (several) home_.notify();
}

// The ring is full and a fiber is spawned: the older half of the ring goes to the shared queues, in one go.
void worker::overflow_with(fiber_control& spawned) noexcept {
    fiber_list fresh;
    fiber_list begun;
    queue_.take_half([&](fiber_control* taken) { (taken->begun() ? begun : fresh).push(*taken); });
    fresh.push(spawned);
    home_.shared.add_fresh(fresh);
    if (!begun.empty()) home_.shared.inject(begun);
}

void worker::run_batch(ready_list& batch) noexcept {
    if (batch.empty()) return;
    fiber_list rest;
    while (fiber_control* fiber = batch.pop())
        if (!rest.empty() || !push_in_turn(*fiber)) rest.push(*fiber);
    if (!rest.empty()) home_.shared.inject(rest);
    if (home_.several_workers()) home_.notify();
}

// False: it has to go to the end of the inject queue, because the ring is full or because others wait there already: it would
// overtake them, and as long as the ring never empties they would starve.
bool worker::push_in_turn(fiber_control& fiber) noexcept {
    return home_.shared.nothing_injected_approx() && queue_.push(&fiber, home_.several_workers());
}

// --- finding work

fiber_control* worker::pick() noexcept {
    ticks_.store(ticks_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (--until_attention_ == 0 || attention_.load(std::memory_order_relaxed)) [[unlikely]]
        if (fiber_control* fiber = attend()) return fiber;

    if (queue_.has_next()) {
        if (++run_next_in_a_row_ <= scheduling::run_next_limit || queue_.ring_empty()) {
            if (fiber_control* fiber = queue_.take_next()) return fiber;
        } else if (fiber_control* fiber = queue_.take_next()) {
            run_later(*fiber);
        }
    }
    run_next_in_a_row_ = 0;
    refill_operations();
    if (fiber_control* fiber = queue_.pop()) return fiber;
    return take_shared();
}

// What a busy worker would otherwise never look at. Gives a fiber from the shared queues if one waits there.
fiber_control* worker::attend() noexcept {
    until_attention_ = scheduling::attention_period;
    const bool asked = attention_.exchange(false, std::memory_order_relaxed);
    const clock::time_point now = clock::now();
    home_.coarse_now.store(now.time_since_epoch().count(), std::memory_order_relaxed);

    ready_list batch(home_);
    if (asked)
        fire_due_timers_of_all(now, batch);
    else if (timers_->due(now))
        timers_->fire(now, batch);
    if (now - last_poll_ >= scheduling::poll_interval &&
        home_.poller_now.load(std::memory_order_acquire)->size() != 0 &&
        !home_.polled_by_somebody.exchange(true, std::memory_order_acquire)) {
        last_poll_ = now;
        home_.poller_now.load(std::memory_order_acquire)->wait(clock::time_point::min(), batch);
        home_.polled_by_somebody.store(false, std::memory_order_release);
    }
    run_batch(batch);
    if (not_needed()) return hand_over();
    if (home_.shared.empty_approx()) return nullptr;
    if (now - last_oldest_fresh_ >= scheduling::oldest_fresh_interval) {
        last_oldest_fresh_ = now;
        if (fiber_control* fiber = home_.shared.take_oldest_fresh()) return fiber;
    }
    return home_.shared.take_one();
}

// A spare ends once the workers it stood in for are back.
bool worker::not_needed() const noexcept {
    return index_ >= home_.regular_workers &&
        index_ - home_.regular_workers >= home_.stuck_workers.load(std::memory_order_relaxed);
}

fiber_control* worker::hand_over() noexcept {
    fiber_list all;
    if (fiber_control* fiber = queue_.take_next()) all.push(*fiber);
    while (fiber_control* fiber = queue_.pop()) all.push(*fiber);
    if (all.empty()) return nullptr;
    home_.shared.inject(all);
    home_.notify();
    return nullptr;
}

fiber_control* worker::take_shared() noexcept {
    if (home_.shared.empty_approx()) return nullptr;
    fiber_list taken =
        home_.shared.take(scheduling::shared_batch, home_.active_workers.load(std::memory_order_relaxed));
    fiber_control* first = taken.pop();
    if (taken.empty()) return first;
    while (fiber_control* fiber = taken.pop())
        if (!queue_.push(fiber, home_.several_workers())) home_.shared.inject(*fiber);
    if (home_.several_workers()) home_.notify();
    return first;
}

fiber_control* worker::find_work() noexcept {
    for (;;) {
        fiber_control* found = pick();
        if (found == nullptr && !timers_->empty_approx()) {
            ready_list batch(home_);
            timers_->fire(clock::now(), batch);
            if (!batch.empty()) {
                run_batch(batch);
                continue;
            }
        }
        if (found == nullptr) {
            if (!searching_ && home_.several_workers()) searching_ = home_.idle.begin_search();
            if (searching_) found = search();
        }
        if (found != nullptr) {
            if (std::exchange(searching_, false) && home_.idle.end_search()) home_.notify();
            return found;
        }
        if (home_.workers_stop.load(std::memory_order_seq_cst) || not_needed()) {
            if (std::exchange(searching_, false) && home_.idle.end_search())
                home_.notify(); // as the last searcher must
            return nullptr;
        }
        sleep();
    }
}

fiber_control* worker::search() noexcept {
    const auto victims = home_.workers_in_use();
    const auto workers = static_cast<unsigned>(victims.size());
    for (unsigned round = 0; round < scheduling::search_rounds; ++round) {
        const unsigned first = scheduling::first_victim(random_, workers);
        for (unsigned i = 0; i < workers; ++i) {
            worker& victim = *victims[(first + i) % workers];
            if (&victim == this) continue;
            if (fiber_control* fiber = victim.queue_.steal(queue_)) return fiber;
            if (round + 1 == scheduling::search_rounds)
                if (fiber_control* fiber = take_next_from(victim)) return fiber;
        }
        if (fiber_control* fiber = take_shared()) return fiber;
        for (int i = 0; i < 20; ++i) sys::pause();
    }
    return nullptr;
}

// The victim is most likely about to run it, and to take it away costs both: so only if it does not switch for a while.
fiber_control* worker::take_next_from(worker& victim) noexcept {
    if (!victim.queue_.has_next()) return nullptr;
    const std::uint32_t ticks = victim.ticks();
    for (unsigned i = 0; i < scheduling::pauses_before_next_is_stolen; ++i) sys::pause();
    return victim.ticks() == ticks ? victim.queue_.steal_next() : nullptr;
}

bool worker::work_anywhere() const noexcept {
    if (!home_.shared.empty()) return true;
    for (const auto& each : home_.workers_in_use())
        if (each->has_work()) return true;
    return false;
}

void worker::fire_due_timers_of_all(clock::time_point now, ready_list& batch) noexcept {
    for (const auto& each : home_.workers_in_use())
        if (each->timers_->due(now)) each->timers_->fire(now, batch);
}

// Afterwards the worker counts as searching, whoever woke it.
void worker::sleep() noexcept {
    const bool look_again = home_.idle.announce_sleep(index_, std::exchange(searching_, false)); // [I1]
    ready_list batch(home_);
    if (!look_again || !work_anywhere()) {
        if (!home_.polled_by_somebody.exchange(true, std::memory_order_acquire)) {
            const std::int64_t until =
                home_.early_timers.keep([this] { return home_.first_timer().time_since_epoch().count(); });
            sleep_.poll(home_.poller_now, clock::time_point(clock::duration(until)), batch);
            home_.early_timers.done();
            home_.polled_by_somebody.store(false, std::memory_order_release);
            last_poll_ = clock::now();
            fire_due_timers_of_all(last_poll_, batch);
        } else {
            sleep_.sleep(never);
        }
    }
    home_.idle.take(index_); // unless whoever woke it has taken it out before
    searching_ = true;
    home_.worker_awake(clock::now());
    run_batch(batch);
}

std::uint64_t worker::next_fiber_id() noexcept {
    constexpr std::uint64_t block = 1024;
    if (next_id_ == ids_end_) {
        next_id_ = scheduler::reserve_ids(block);
        ids_end_ = next_id_ + block;
    }
    return next_id_++;
}

} // namespace weft
