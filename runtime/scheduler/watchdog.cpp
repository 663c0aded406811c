// SPDX-License-Identifier: BSL-1.0
#include "scheduler/watchdog.hpp"

#include "backend/policy.hpp"
#include "debug/dump.hpp"
#include "debug/sigquit.hpp"
#include "debug/thread_capture.hpp"
#include "fiber/fiber_registry.hpp"
#include "generator/second_stack.hpp"
#include "scheduler/process.hpp"
#include "scheduler/scheduler.hpp"
#include "waiting/futex.hpp"

#include <weft/backend/sys.hpp>
#include <weft/debug.hpp>

#include <algorithm>
#include <iostream>
#include <sstream>
#include <system_error>

namespace weft {

constexpr auto trim_period = std::chrono::seconds(1);
constexpr auto quiet_period = std::chrono::milliseconds(5);
constexpr auto foreign_threads_period = std::chrono::milliseconds(100);

watchdog::watchdog(scheduler& over) : over_(over), seen_(over.workers.size()) {}

void watchdog::launch() {
    process::instance().own_threads.fetch_add(1, std::memory_order_relaxed);
    try {
        thread_ = std::thread([this] { thread_main(); });
    } catch (...) {
        process::instance().own_threads.fetch_sub(1, std::memory_order_relaxed);
        throw;
    }
}

void watchdog::stop() noexcept {
    stop_.store(true, std::memory_order_release);
    poke();
    if (thread_.joinable()) thread_.join();
}

void watchdog::poke() noexcept {
    poked_.store(1, std::memory_order_release);
    futex_wake_one(poked_);
}

void watchdog::wait(clock::duration at_most) {
    const clock::time_point until = at_most == clock::duration::max() ? never : clock::now() + at_most;
    while (poked_.load(std::memory_order_acquire) == 0)
        if (!futex_wait_until(poked_, 0, until)) return;
    poked_.store(0, std::memory_order_relaxed);
}

void watchdog::thread_main() {
    sys::name_thread("weft-watchdog");
    last_trim_ = clock::now();
    while (!stop_.load(std::memory_order_acquire)) {
        const bool busy = look(clock::now());
        if (debug::take_dump_request()) debug::dump(std::cerr);
        if (busy)
            wait(scheduling::watchdog_period);
        else if (quiet_for_ < scheduling::quiet_periods)
            wait(quiet_period);
        else
            rest();
    }
    process::instance().own_threads.fetch_sub(1, std::memory_order_relaxed);
}

// True: some worker is awake.
bool watchdog::look(clock::time_point now) {
    over_.coarse_now.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    if (now - last_trim_ >= trim_period) {
        last_trim_ = now;
        over_.stacks.trim();
        detail::second_stack::trim();
    }
    if (over_.quiet()) {
        ++quiet_for_;
        return false;
    }
    quiet_for_ = 0;
    for (std::size_t i = 0; i < over_.workers_in_use().size(); ++i) look_at(*over_.workers[i], seen_[i], now);
    if (over_.idle.sleeping_approx() == 0)
        start_spare();
    else if (!over_.polled_by_somebody.load(std::memory_order_relaxed))
        over_.notify();
    return true;
}

void watchdog::rest() {
    resting_.store(true, std::memory_order_seq_cst); // [D1]
    if (over_.quiet()) {
        over_.stacks.trim();
        detail::second_stack::trim();
        const bool only_foreign_threads_may_help = process::instance().check_deadlock();
        wait(
            only_foreign_threads_may_help ? clock::duration(foreign_threads_period) : clock::duration::max());
    }
    resting_.store(false, std::memory_order_relaxed);
}

void watchdog::look_at(worker& at, observation& seen, clock::time_point now) {
    const std::uint32_t ticks = at.ticks();
    const bool runs = at.running_approx() != nullptr;
    if (!runs || ticks != seen.ticks) {
        if (seen.stuck) over_.stuck_workers.fetch_sub(1, std::memory_order_relaxed);
        seen = {.ticks = ticks, .since = now, .cpu_time = runs ? sys::thread_cpu_time(at.thread_id()) : 0};
        return;
    }
    at.ask_attention();
    if (at.has_work()) over_.notify();
    if (now - seen.since < scheduling::stuck_after || only_preempted(at, seen)) return;
    if (!seen.stuck) {
        seen.stuck = true;
        over_.stuck_workers.fetch_add(1, std::memory_order_relaxed);
    }
    if (!seen.reported) {
        seen.reported = true;
        report_stuck(at, now - seen.since);
    }
}

// Other programs had its CPU: no fault of the fiber's, and a spare would fare no better.
bool watchdog::only_preempted(const worker& at, const observation& seen) noexcept {
    const char state = thread_run_state(at.thread_id());
    if (state == 'S' || state == 'D') return false;
    return std::chrono::nanoseconds(sys::thread_cpu_time(at.thread_id()) - seen.cpu_time) <
        scheduling::stuck_after;
}

void watchdog::report_stuck(worker& at, clock::duration since) {
    fiber_control* fiber = at.running_approx();
    if (fiber == nullptr || !fiber_registry::pin(*fiber)) return;
    const place where{fiber->where.file_name(), fiber->where.line(), fiber->spawned_from};
    if (std::find(reported_.begin(), reported_.end(), where) == reported_.end()) {
        reported_.push_back(where);
        const stack_trace trace = debug::trace_of_running(at, *fiber);
        std::ostringstream report;
        report << "weft: worker " << at.index() << " has been stuck for "
               << std::chrono::duration_cast<std::chrono::milliseconds>(since).count() << " ms in "
               << debug::describe(*fiber)
               << "; use weft::blocking() for calls that block, weft::yield() in long loops\n";
        print(report, trace);
        std::cerr << report.str() << std::flush;
    }
    fiber_registry::unpin(*fiber);
}

// One at a time: the next look tells whether another is needed.
void watchdog::start_spare() {
    const unsigned needed = over_.stuck_workers.load(std::memory_order_relaxed);
    for (std::size_t i = over_.regular_workers;
        i < over_.workers.size() && i < over_.regular_workers + needed; ++i) {
        worker& spare = *over_.workers[i];
        if (spare.alive()) continue;
        spare.join_thread();
        try {
            spare.launch();
        } catch (const std::system_error&) {
            // No thread to be had now; the next look tries again.
        }
        return;
    }
}

} // namespace weft
