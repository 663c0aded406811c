// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/cancel_scope.hpp>
#include <weft/cancel_token.hpp>
#include <weft/detail/countdown.hpp>
#include <weft/fiber.hpp>
#include <weft/source_location.hpp>
#include <weft/sync/semaphore.hpp>
#include <weft/waiting/spin_lock.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

struct task_group_options {
    std::size_t limit = 0; // of tasks at a time; 0: none
};

namespace detail {
class group_state;
template <class Function>
class group_call;
} // namespace detail

// Fibers that are waited for together, and fail together: none of them outlives the group.
//
// A task runs in the group's scope: its blocking calls throw `cancelled` once the group is cancelled, which is when a task ends by an
// exception, when cancel() is called, when a scope that the group was made in is cancelled or the fiber that made it is, when
// wait() is, or when the group is destroyed. A deadline that was in force when the group was made holds for its tasks.
//
// Thread-safe, so tasks may start others; wait() is for one at a time. May be used again after wait(), until it is cancelled. What
// happens in a task happens before wait() returns.
class [[gnu::visibility("default")]] task_group {
public:
    task_group() : task_group(task_group_options()) {}
    explicit task_group(task_group_options options);
    // Cancels the tasks that still run and joins them. Never throws, and is no cancellation point. A failure that no wait() has told
    // of goes to options::on_unhandled or, without one, to stderr.
    ~task_group();
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    // Starts a fiber that calls f(), whose result is dropped. With a limit it waits for a free place, first come, first served, and is
    // a cancellation point then. Of a cancelled group the task runs, cancelled, to its first blocking call. Throws what
    // weft::go throws; then nothing was started.
    template <class F>
        requires std::invocable<std::decay_t<F>>
    void go(F&& f, source_location where = source_location::current()) {
        go(fiber_options(), std::forward<F>(f), where);
    }
    template <class F>
        requires std::invocable<std::decay_t<F>>
    void go(const fiber_options& options, F&& f, source_location where = source_location::current());

    // Waits for all tasks. Rethrows the exception of the first that failed, once. A cancellation point: then it cancels the tasks,
    // waits for them all the same, and throws `cancelled`; failures are in errors(). After cancel() it returns normally.
    void wait();

    // Cancels the tasks. Never blocks but for callbacks of its token; idempotent.
    void cancel(const cancel_reason& why = "the task group was cancelled") noexcept;
    cancel_token token() const noexcept;

    // The exceptions that no wait() has thrown, in the order in which the tasks ended; what tasks threw because they were cancelled
    // with the group is not among them. After wait().
    std::vector<std::exception_ptr> errors() const;

private:
    template <class Function>
    friend class detail::group_call;

    template <class Function>
    void call(Function& function) noexcept {
        try {
            const cancel_scope scope(deadline_, token());
            std::invoke(std::move(function));
        } catch (...) {
            task_failed();
        }
    }
    void begin_task();
    void end_task() noexcept;
    void task_failed() noexcept; // in its handler
    void join() noexcept;
    std::exception_ptr take_first() noexcept;

    const counted_ref<detail::group_state> state_;
    const clock::time_point deadline_;
    std::optional<counting_semaphore> places_;
    detail::countdown running_{0};
    std::atomic<bool> cancelled_by_hand_{false};
    mutable spin_lock lock_; // these three:
    bool failed_ = false;
    std::exception_ptr first_; // not thrown yet
    std::vector<std::exception_ptr> errors_;
};

namespace detail {

// What task_group::go starts. The function is destroyed before the task counts as ended.
template <class Function>
class group_call {
public:
    template <class F>
    group_call(task_group& group, F&& function) : group_(&group),
                                                  function_(std::forward<F>(function)) {}

    void operator()() && noexcept { group_->call(function_); }

private:
    struct ends_task {
        void operator()(task_group* group) const noexcept { group->end_task(); }
    };

    std::unique_ptr<task_group, ends_task> group_; // destroyed after function_
    Function function_;
};

} // namespace detail

template <class F>
    requires std::invocable<std::decay_t<F>>
void task_group::go(const fiber_options& options, F&& f, source_location where) {
    begin_task();
    // From here on the call ends the task, whatever becomes of it.
    detail::group_call<std::decay_t<F>> call(*this, std::forward<F>(f));
    weft::go(options, std::move(call), where).detach();
}

} // namespace weft
