// SPDX-License-Identifier: BSL-1.0
#include "scheduler/scheduler.hpp"

#include "base/asymmetric_fence.hpp"
#include "fiber/overflow.hpp"
#include "scheduler/process.hpp"
#include "scheduler/watchdog.hpp"
#include "task/task.hpp"

#include <algorithm>
#include <utility>

namespace weft {

// A worker that stays stuck is replaced by a spare; more than these at once are not.
constexpr unsigned most_spares = 64;

scheduler::scheduler(runtime& outside, const options& settled)
    : stacks({.default_size = settled.stack_size}),
      blocking(*this, settled.max_blocking_threads),
      idle(settled.workers + most_spares),
      poller_now(&null_poller_),
      outside_(outside),
      settings_(settled) {
    asymmetric_fence::prepare();
    rng seeds(rng::root_seed());
    workers.reserve(settled.workers + most_spares);
    for (unsigned i = 0; i < settled.workers + most_spares; ++i)
        workers.push_back(std::make_unique<worker>(*this, i, seeds.next()));
    regular_workers = settled.workers;
    coarse_now.store(clock::now().time_since_epoch().count(), std::memory_order_relaxed);
    install_overflow_report(&process::find_overflow);
    process::instance().add(*this);
    watchdog_ = std::make_unique<watchdog>(*this);
    try {
        for (unsigned i = 0; i < regular_workers; ++i) workers[i]->launch();
        watchdog_->launch();
    } catch (...) {
        stop_workers();
        process::instance().remove(*this);
        throw;
    }
}

scheduler::~scheduler() {
    shut_down();
    process::instance().remove(*this);
}

scheduler* scheduler::current() noexcept {
    worker* here = worker::current();
    return here == nullptr ? nullptr : &here->home();
}

void scheduler::make_runnable(fiber_control& fiber) noexcept {
    worker* here = worker::current();
    if (here != nullptr && &here->home() == this) {
        here->run_soon(fiber);
        return;
    }
    fiber.phase.store(fiber_phase::runnable, std::memory_order_release);
    shared.inject(fiber); // [S1]
    notify();
}

void scheduler::notify() noexcept {
    const int sleeping =
        idle.take_sleeper([this](unsigned index) { return workers[index]->sleep_state().is_polling(); });
    if (sleeping != idle_set::none)
        workers[static_cast<std::size_t>(sleeping)]->sleep_state().wake(poller_now);
}

void scheduler::timer_armed(clock::time_point when) noexcept {
    if (early_timers.is_later_than(when.time_since_epoch().count()))
        poller_now.load(std::memory_order_seq_cst)->interrupt();
}

clock::time_point scheduler::first_timer() const noexcept {
    clock::time_point first = never;
    for (const auto& each : workers_in_use()) first = std::min(first, each->timers().next());
    return first;
}

std::shared_ptr<poller> scheduler::poller_made_by(make_poller make) {
    const std::lock_guard guard(poller_mutex_);
    if (poller_ == nullptr) {
        poller_ = make();
        poller_now.store(poller_.get(), std::memory_order_seq_cst);
        null_poller_.interrupt(); // whoever waits there comes back, and waits in the new one
    }
    return poller_;
}

std::shared_ptr<poller> this_poller(make_poller make) {
    return scheduler::current_or_default().poller_made_by(make);
}

void scheduler::worker_awake(clock::time_point now) noexcept {
    coarse_now.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    watchdog_->notice_activity();
}

std::uint64_t scheduler::reserve_ids(std::uint64_t count) noexcept {
    static std::atomic<std::uint64_t> next{1};
    return next.fetch_add(count, std::memory_order_relaxed);
}

// Ends are counted before spawns: if the sums are equal, there was an instant, after the first pass, when nobody lived.
std::uint64_t scheduler::living() const noexcept {
    std::uint64_t ended = 0;
    for (const auto& each : workers_in_use()) ended += each->ended();
    std::uint64_t spawned = spawned_from_outside.load(std::memory_order_acquire);
    for (const auto& each : workers_in_use()) spawned += each->spawned();
    return spawned - ended;
}

bool scheduler::quiet() const noexcept {
    if (idle.awake() != 0 || !shared.empty()) return false;
    return std::ranges::none_of(workers_in_use(), [](const auto& each) { return each->has_work(); });
}

void scheduler::fiber_ended() noexcept {
    if (!shutting_down() || living() != 0) return;
    const std::lock_guard guard(end_mutex_);
    end_.notify_all();
}

// --- shutdown: cancel, wake, join, report

void scheduler::shut_down() {
    shutting_down_.store(true, std::memory_order_seq_cst);
    const clock::time_point give_up = clock::now() + settings_.shutdown_timeout;
    do {
        end_fibers(give_up);
        if (const std::size_t running = blocking.finish(give_up); running != 0)
            process::report_blocked_shutdown(*this, running);
    } while (living() != 0); // a blocking call may have started some
    blocking.stop();
    stop_workers();
}

void scheduler::end_fibers(clock::time_point give_up) {
    constexpr auto between_passes = std::chrono::milliseconds(20);
    std::unique_lock lock(end_mutex_);
    while (living() != 0) {
        lock.unlock();
        // Anew in each pass: a fiber may have been born after the last one looked.
        fiber_registry::instance().for_each([this](fiber_control& fiber) {
            if (&fiber.home() == this) fiber.scopes.request(reason_of_shutdown());
        });
        lock.lock();
        if (living() == 0) break;
        if (clock::now() >= give_up) process::report_failed_shutdown(*this);
        end_.wait_for(lock, between_passes);
    }
}

void scheduler::stop_workers() noexcept {
    watchdog_->stop();
    workers_stop.store(true, std::memory_order_seq_cst);
    for (const auto& each : workers_in_use()) each->sleep_state().wake(poller_now);
    for (const auto& each : workers_in_use()) each->join_thread();
    for (const auto& each : workers_in_use()) each->timers().forget_all();
}

} // namespace weft
