// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

// The watchdog: a thread that looks at the workers from outside.
//
// Every 2 ms while workers run it reads their switch counters. It sees to what a worker that does not switch leaves undone:
//   - it asks every running worker to look at timers, poller and shared queues at its next switch;
//   - work that waits behind a running fiber, or an unattended poller, while others sleep: wakes a sleeper;
//   - a worker that has not switched for 10 ms is stuck: reported, once a place; if nobody sleeps, a spare worker starts;
//   - once a second: unused stacks give their pages back. On SIGQUIT: the dump. When all is quiet: is it a deadlock?
// With every worker asleep for a while it sleeps, too, until the next worker awakes.
//
// The last-activity race [D1]:  worker: awake in the idle set, then reads resting_.   watchdog: sets resting_, then reads the
// idle set once more. Both sequentially consistent: a worker that is missed by the second look sees resting_ and wakes it.
namespace weft {

class scheduler;
class worker;

class watchdog {
public:
    explicit watchdog(scheduler& over);
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;

    void launch(); // throws std::system_error
    void stop() noexcept;
    // Any thread, also a signal handler: looks at once.
    void poke() noexcept;
    void notice_activity() noexcept {
        if (resting_.load(std::memory_order_seq_cst)) poke(); // [D1]
    }

private:
    struct observation {
        std::uint32_t ticks = 0;
        clock::time_point since{};
        std::int64_t cpu_time = 0; // the thread's, in nanoseconds
        bool stuck = false;
        bool reported = false;
    };

    struct place { // that spawned a fiber
        const char* file;
        std::uint_least32_t line;
        const void* address;
        bool operator==(const place&) const = default;
    };

    void thread_main();
    bool look(clock::time_point now);
    void look_at(worker& at, observation& seen, clock::time_point now);
    static bool only_preempted(const worker& at, const observation& seen) noexcept;
    void report_stuck(worker& at, clock::duration since);
    void start_spare();
    void rest();
    void wait(clock::duration at_most);

    scheduler& over_;
    std::vector<observation> seen_;
    std::vector<place> reported_;
    clock::time_point last_trim_{};
    unsigned quiet_for_ = 0;
    std::atomic<bool> resting_{false};
    std::atomic<std::uint32_t> poked_{0};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

} // namespace weft
