// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/blocking.hpp>
#include <weft/waiting/counted.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

namespace weft {

class scheduler;

// The helper threads of a runtime, for calls that block. It grows while calls wait and there may be more threads, and shrinks when they
// are idle. Protocol: blocking_pool.cpp.
class blocking_pool {
public:
    // Long enough that a program which blocks now and then keeps its threads.
    static constexpr clock::duration usual_idle_time = std::chrono::seconds(10);

    blocking_pool(
        scheduler& home, unsigned most_threads, clock::duration idle_time = usual_idle_time) noexcept
        : home_(home),
          most_threads_(most_threads),
          idle_time_(idle_time) {}
    ~blocking_pool() { stop(); }
    blocking_pool(const blocking_pool&) = delete;
    blocking_pool& operator=(const blocking_pool&) = delete;

    // Throws std::system_error if there is no thread and none can be had; then the call is not queued.
    void submit(counted_ref<detail::blocking_call> call);
    // A call that has not begun will not.
    void withdraw(const detail::blocking_call& call) noexcept;

    // Drops what is queued and waits for what runs. Gives how many still run at that time.
    std::size_t finish(clock::time_point give_up) noexcept;
    // Ends the threads, once what they run has returned.
    void stop() noexcept;

    // Queued or running, abandoned ones included: somebody who may wake a fiber.
    bool busy() const noexcept { return pending_.load(std::memory_order_seq_cst) != 0; }
    std::size_t threads() const noexcept;

private:
    struct helper {
        std::thread thread;
        std::condition_variable called;
        bool wanted = false; // was taken from idle_
    };

    void start_helper(); // these: under mutex_
    void end_helpers_that_left(std::unique_lock<std::mutex>& lock) noexcept;
    void helper_main(helper& self) noexcept;
    bool await_work(helper& self, std::unique_lock<std::mutex>& lock) noexcept;

    scheduler& home_;
    const unsigned most_threads_;
    const clock::duration idle_time_;
    std::atomic<std::size_t> pending_{0};

    mutable std::mutex mutex_;
    std::deque<counted_ref<detail::blocking_call>> queue_;
    std::list<helper> helpers_;
    std::list<helper> left_;    // their threads have ended, or are about to
    std::vector<helper*> idle_; // the last one to become so is called first: its stack is warm
    std::size_t running_ = 0;
    unsigned named_ = 0;
    bool stopping_ = false;
    std::condition_variable changed_;
};

} // namespace weft
