// SPDX-License-Identifier: BSL-1.0
#include "cancel/scope_stack.hpp"
#include "task/unhandled.hpp"

#include <weft/structured/task_group.hpp>
#include <weft/waiting/park.hpp>

#include <mutex>

// Purpose. Tasks counted in running_, cancelled by one state, whose failures are kept.
//
// Who may call. Any fiber or thread go, cancel, token; wait, errors and the destructor: whoever owns the group, one at a time.
//
// Order. What a task did, its failure included, happens before the end of wait: by running_ (countdown.cpp [W1]).
//
// Memory. A task's last touch of the group is to count itself out; the state is counted and may be told of a cancellation after the
// group is gone, when it has no listeners left.
namespace weft {
namespace {

constexpr wait_reason reason{"the tasks of a task_group"};

bool comes_of_cancelling(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const cancelled&) {
        return true;
    } catch (...) {
        return false;
    }
}

} // namespace

// Knows the scope that the group was made in.
class detail::group_state final : public cancel_state {
public:
    group_state() noexcept : by_(*this) { scope_stack::current().adopt(by_); }
    void release() noexcept { scope_stack::release(by_); }

private:
    adopted_state by_;
};

task_group::task_group(task_group_options options)
    : state_(new detail::group_state),
      deadline_(scope_stack::current().deadline()) {
    if (options.limit != 0) places_.emplace(options.limit);
}

task_group::~task_group() {
    if (!running_.is_zero()) {
        state_->cancel("the task group was destroyed");
        join();
    }
    state_->release();
    const std::exception_ptr lost = take_first();
    if (lost != nullptr && !comes_of_cancelling(lost))
        report_lost(lost, "a task of a task_group that nobody waited for");
}

void task_group::join() noexcept {
    const cancellation_shield shield;
    running_.wait(reason, never);
}

void task_group::wait() {
    try {
        running_.wait(reason, never);
    } catch (const cancelled& interrupted) {
        state_->cancel(cancel_reason(interrupted));
        join();
        if (const std::exception_ptr first = take_first(); first != nullptr && !comes_of_cancelling(first)) {
            const std::lock_guard guard(lock_);
            errors_.insert(errors_.begin(), first);
        }
        throw;
    }
    if (const std::exception_ptr first = take_first()) std::rethrow_exception(first);
    if (state_->is_cancelled() && !failed_ && !cancelled_by_hand_.load(std::memory_order_relaxed))
        state_->reason().raise(); // by a scope that has ended since
}

void task_group::cancel(const cancel_reason& why) noexcept {
    cancelled_by_hand_.store(true, std::memory_order_relaxed);
    state_->cancel(why);
}

cancel_token task_group::token() const noexcept {
    state_->add_reference();
    return cancel_token(counted_ref<detail::cancel_state>(state_.get()));
}

std::vector<std::exception_ptr> task_group::errors() const {
    const std::lock_guard guard(lock_);
    return errors_;
}

void task_group::begin_task() {
    if (places_) places_->acquire();
    std::ptrdiff_t before = 0;
    running_.change(1, before);
}

void task_group::end_task() noexcept {
    if (places_) places_->release();
    std::ptrdiff_t before = 0;
    running_.change(-1, before);
}

void task_group::task_failed() noexcept {
    const std::exception_ptr error = std::current_exception();
    if (state_->is_cancelled() && comes_of_cancelling(error)) return;
    {
        const std::lock_guard guard(lock_);
        if (failed_)
            errors_.push_back(error);
        else
            first_ = error;
        failed_ = true;
    }
    state_->cancel(cancel_reason(error));
}

std::exception_ptr task_group::take_first() noexcept {
    const std::lock_guard guard(lock_);
    return std::exchange(first_, nullptr);
}

} // namespace weft
