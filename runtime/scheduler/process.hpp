// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/overflow.hpp"

#include <weft/fiber_id.hpp>

#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

namespace weft {

class scheduler;
class thread_waiter;
struct fiber_control;

// What concerns all runtimes of the process together. Any thread.
class process {
public:
    static process& instance();

    void add(scheduler& started);
    void remove(scheduler& ended) noexcept;

    // Ends the program with exit code 2 and a report if no fiber of any runtime can ever run again. Called by a watchdog
    // whose own runtime has been quiet for a while. True: only a thread that is not weft's may yet wake one.
    bool check_deadlock();

    // options::on_unhandled of the fiber's runtime; empty if it has none or is gone.
    std::function<void(const fiber_info&, std::exception_ptr)> unhandled_handler_of(
        const fiber_control& fiber);

    // Around the wait of a plain thread that is inside run(): until its wait is claimed it counts as one of weft's own.
    class waits_in_run {
    public:
        explicit waits_in_run(thread_waiter& who) noexcept;
        ~waits_in_run();
        waits_in_run(const waits_in_run&) = delete;
        waits_in_run& operator=(const waits_in_run&) = delete;

    private:
        thread_waiter* who_;
    };

    // Threads weft has started and that have not ended.
    std::atomic<unsigned> own_threads{0};

    [[noreturn]] static void report_blocked_shutdown(const scheduler& of, std::size_t calls);
    [[noreturn]] static void report_failed_shutdown(scheduler& of);
    static bool find_overflow(const void* address, overflow_subject& subject) noexcept;

private:
    bool foreign_threads() noexcept;

    std::mutex mutex_;
    std::vector<scheduler*> schedulers_;
    std::mutex waiting_mutex_;
    std::vector<thread_waiter*> waiting_in_run_;
};

} // namespace weft
