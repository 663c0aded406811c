// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "blocking/blocking_pool.hpp"
#include "fiber/stack_pool.hpp"
#include "scheduler/idle_set.hpp"
#include "scheduler/shared_queues.hpp"
#include "scheduler/timer_watch.hpp"
#include "scheduler/worker.hpp"
#include "waiting/null_poller.hpp"

#include <weft/run.hpp>
#include <weft/waiting/poller.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace weft {

class watchdog;

// The parts of a runtime and how they are woken. Worker, shutdown and watchdog have files of their own.
class scheduler {
public:
    scheduler(runtime& outside, const options& settled);
    ~scheduler();
    scheduler(const scheduler&) = delete;
    scheduler& operator=(const scheduler&) = delete;

    // The scheduler of the calling fiber; nullptr on a plain thread.
    static scheduler* current() noexcept;
    static scheduler& current_or_default();

    // --- any thread
    void make_runnable(fiber_control& fiber) noexcept;
    // After work was published: wakes a sleeping worker unless one is searching.
    void notify() noexcept;
    void timer_armed(clock::time_point when) noexcept;
    std::shared_ptr<poller> poller_made_by(make_poller make);

    // Cancels the living fibers, waits for their end, stops the workers. Ends the program with a report if they won't end.
    void shut_down();
    void stop_workers() noexcept;
    bool shutting_down() const noexcept { return shutting_down_.load(std::memory_order_seq_cst); }
    // A fiber has ended; during shutdown somebody waits for the last.
    void fiber_ended() noexcept;

    runtime& outside() const noexcept { return outside_; }
    const options& settings() const noexcept { return settings_; }
    watchdog& observer() const noexcept { return *watchdog_; }

    // --- for workers and the watchdog
    stack_pool stacks;
    blocking_pool blocking;
    shared_queues shared;
    idle_set idle;
    std::vector<std::unique_ptr<worker>> workers; // constant in size once constructed; spares at the end
    unsigned regular_workers = 0;
    std::atomic<unsigned> active_workers{0};
    std::atomic<unsigned> stuck_workers{0};
    std::atomic<bool> polled_by_somebody{false};
    timer_watch early_timers;
    std::atomic<poller*> poller_now;
    std::atomic<bool> workers_stop{false};
    std::atomic<std::int64_t> coarse_now{0};

    // Those that have ever run: all but the spares that were not needed so far.
    std::span<const std::unique_ptr<worker>> workers_in_use() const noexcept {
        return {workers.data(), in_use_.load(std::memory_order_acquire)};
    }
    void put_in_use(
        unsigned index) noexcept { // before its thread starts; by the constructor, then the watchdog alone
        if (index >= in_use_.load(std::memory_order_relaxed))
            in_use_.store(index + 1, std::memory_order_release);
    }
    bool several_workers() const noexcept { return active_workers.load(std::memory_order_relaxed) > 1; }
    static std::uint64_t reserve_ids(std::uint64_t count) noexcept;
    clock::time_point first_timer() const noexcept;
    void worker_awake(clock::time_point now) noexcept;
    std::atomic<std::uint64_t> spawned_from_outside{0};
    std::uint64_t living() const noexcept;
    // Every worker is asleep and nothing is queued.
    bool quiet() const noexcept;

private:
    void end_fibers(clock::time_point give_up);

    std::atomic<unsigned> in_use_{0};
    runtime& outside_;
    const options settings_;
    null_poller null_poller_;
    std::mutex poller_mutex_;
    std::shared_ptr<poller> poller_;
    std::atomic<bool> shutting_down_{false};
    std::mutex end_mutex_;
    std::condition_variable end_;
    std::unique_ptr<watchdog> watchdog_;
};

} // namespace weft
