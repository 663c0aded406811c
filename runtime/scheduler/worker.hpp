// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "backend/policy.hpp"
#include "base/thread_state.hpp"
#include "fiber/context_switch.hpp"
#include "fiber/exception_state.hpp"
#include "fiber/fiber_control.hpp"
#include "fiber/fiber_registry.hpp"
#include "fiber/sanitizer_fiber.hpp"
#include "fiber/stack_cache.hpp"
#include "scheduler/run_queue.hpp"
#include "scheduler/sleeper.hpp"
#include "scheduler/timer_heap.hpp"

#include <weft/backend/rng.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

// A worker: the thread that runs fibers.
//
// THE SWITCH. A fiber that parks, yields or ends picks the next one itself and jumps straight into it. What may happen only
// once the old fiber's context is saved - marking it as saved, putting it back into a queue, giving its stack back - is the
// `commit`: the DESTINATION does it first of all, on its own stack, in arrive(). Until then nobody else may resume the fiber or
// touch its stack; from then on the old fiber may already run on another worker, so no `this` of before the jump is used after
// it: a resumed fiber asks current() which worker it runs on now.
//
// Where code runs. Picking (pick) runs on the leaving fiber's stack and looks at this worker's own queues and the shared ones.
// If they are empty the fiber jumps to the worker's home context, on its thread's own stack, which searches, polls and sleeps:
// that must not happen on the stack of a fiber which somebody else may resume meanwhile.
//
// Who may call. The worker's own thread all of it, but for what is marked "any thread".
namespace weft {

class scheduler;

class worker {
public:
    worker(scheduler& home, unsigned index, std::uint64_t seed);
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    void launch(); // throws std::system_error
    void join_thread() noexcept;

    // The worker whose thread this is, or nullptr. Read anew after each switch.
    static worker* current() noexcept { return this_thread_state().current_worker; }

    fiber_control* running() const noexcept { return running_; }
    scheduler& home() const noexcept { return home_; }

    // --- on the running fiber; they return on whatever worker resumes it
    void park();
    void yield();

    // --- scheduling
    void run_soon(fiber_control& fiber) noexcept;  // was woken: into the run-next slot
    void run_later(fiber_control& fiber) noexcept; // to the end of the ring
    void run_fresh(fiber_control& fiber) noexcept; // was spawned
    void run_batch(ready_list& batch) noexcept;
    bool spend_operation() noexcept { return --operations_left_ == 0; }
    void refill_operations() noexcept { operations_left_ = scheduling::operations_per_slice; }
    unsigned exceptions_in_flight() const noexcept { return exceptions_.uncaught(); }

    fiber_cache& control_blocks() noexcept { return control_blocks_; }
    stack_cache& stacks() noexcept { return stacks_; }
    timer_heap& timers() noexcept { return *timers_; }
    rng& random() noexcept { return random_; }
    std::uint64_t next_fiber_id() noexcept;
    void count_spawned() noexcept { increment(spawned_); }
    void count_ended() noexcept { increment(ended_); }

    // --- any thread
    bool alive() const noexcept { return alive_.load(std::memory_order_relaxed); }
    unsigned index() const noexcept { return index_; }
    run_queue& queue() noexcept { return queue_; }
    sleeper& sleep_state() noexcept { return sleep_; }
    bool has_work() const noexcept { return queue_.has_next() || !queue_.ring_empty(); }
    std::uint32_t ticks() const noexcept { return ticks_.load(std::memory_order_relaxed); }
    fiber_control* running_approx() const noexcept { return running_seen_.load(std::memory_order_acquire); }
    void ask_attention() noexcept { attention_.store(true, std::memory_order_relaxed); }
    int thread_id() const noexcept { return thread_id_.load(std::memory_order_relaxed); }
    std::uint64_t spawned() const noexcept { return spawned_.load(std::memory_order_acquire); }
    std::uint64_t ended() const noexcept { return ended_.load(std::memory_order_acquire); }

private:
    enum class commit : std::uint8_t { nothing, parked, yielded, ended };

    void thread_main();
    void thread_ended() noexcept;
    static void fiber_main(void* transfer);

    fiber_control* pick() noexcept;
    fiber_control* attend() noexcept;
    fiber_control* take_shared() noexcept;
    fiber_control* find_work() noexcept;
    fiber_control* search() noexcept;
    fiber_control* take_next_from(worker& victim) noexcept;
    bool not_needed() const noexcept;
    fiber_control* hand_over() noexcept;
    void sleep() noexcept;
    bool work_anywhere() const noexcept;
    void fire_due_timers_of_all(clock::time_point now, ready_list& batch) noexcept;

    void leave(fiber_control& self, commit what);
    void prepare(fiber_control& next);
    void switch_to(fiber_control* next, context& from, sanitizer_fiber& from_sanitizer, bool from_ends);
    void arrive() noexcept;
    void commit_park(fiber_control& fiber) noexcept;
    bool push_in_turn(fiber_control& fiber) noexcept;
    void overflow_with(fiber_control& spawned) noexcept;
    void end(fiber_control& self, stack_slot stack);
    void set_running(fiber_control* fiber) noexcept;
    static void increment(std::atomic<std::uint64_t>& own) noexcept {
        own.store(own.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }

    // --- what every switch touches
    fiber_control* running_ = nullptr;
    fiber_control* left_ = nullptr;
    commit commit_ = commit::nothing;
    bool left_shielded_ = false;
    unsigned until_attention_ = scheduling::attention_period;
    unsigned run_next_in_a_row_ = 0;
    unsigned operations_left_ = scheduling::operations_per_slice;
    exception_state exceptions_;
    stack_slot left_stack_;
    context abandoned_ =
        nullptr; // of an ended fiber; not on its stack, of which AddressSanitizer frees a part before the switch
    [[no_unique_address]] sanitizer_fiber left_sanitizer_;
    std::atomic<std::uint32_t> ticks_{0};
    std::atomic<fiber_control*> running_seen_{nullptr};
    std::atomic<bool> attention_{false};
    std::atomic<std::uint64_t> spawned_{0};
    std::atomic<std::uint64_t> ended_{0};
    bool searching_ = false;

    scheduler& home_;
    const unsigned index_;
    context home_context_ = nullptr;
    [[no_unique_address]] sanitizer_fiber home_sanitizer_;
    clock::time_point last_poll_{};
    clock::time_point last_oldest_fresh_{};
    std::uint64_t next_id_ = 0;
    std::uint64_t ids_end_ = 0;
    rng random_;
    fiber_cache control_blocks_;
    stack_cache stacks_;

    run_queue queue_;
    const std::shared_ptr<timer_heap> timers_ = std::make_shared<timer_heap>();
    sleeper sleep_;
    std::atomic<bool> alive_{false};
    std::atomic<int> thread_id_{0};
    std::thread thread_;
};

} // namespace weft
