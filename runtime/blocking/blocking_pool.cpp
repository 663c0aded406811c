// SPDX-License-Identifier: BSL-1.0
#include "blocking/blocking_pool.hpp"

#include "base/thread_state.hpp"
#include "scheduler/process.hpp"
#include "scheduler/scheduler.hpp"
#include "scheduler/watchdog.hpp"

#include <weft/backend/sys.hpp>
#include <weft/waiting/claimed_list.hpp>
#include <weft/waiting/park.hpp>

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

// Purpose. Calls that block their thread, made by threads that are there for it.
//
// A call is queued -> running -> ended, or queued -> dropped. It is counted by the fiber that waits for it, by the queue, and by the
// helper that runs it: whoever lets go last frees it, with the result that nobody took. A fiber that is cancelled withdraws the call
// from the queue, or leaves it to its helper.
//
// The wait. The fiber queues its node in the call under the call's lock_, unless ended_ is set; the helper sets it under that lock,
// claims the node, and wakes the fiber after. So completion and cancellation meet in the waiter's claim, as everywhere.
//
// [B1] The result is written before ended_, under lock_ or before the wake; the fiber reads it after having found either.
// [B2] pending_ is taken down after the fiber was woken: whoever looks for a deadlock finds the one or the other.
// [B3] An abandoned call may have been the last that could wake anybody: pending_ is taken down, then the watchdog is told, which looks
//      at it after it has rested: both sequentially consistent, [D1] of watchdog.hpp.
//
// mutex_ is held for some instructions by fibers and helpers, but for starting a thread. It is never held while a call runs.
// Ending. finish() after the last fiber has ended; nobody submits then. A helper that leaves moves itself to left_, where others join it.
namespace weft {

namespace {

constexpr wait_reason reason{"a blocking call", true};

} // namespace

namespace detail {

void blocking_call::wait() {
    begin_operation();
    blocking_pool& pool = worker::current()->home().blocking;
    add_reference();
    pool.submit(counted_ref<blocking_call>(this));
    waiter& me = this_waiter();
    wait_node node(me, 0);
    {
        const std::lock_guard guard(lock_);
        if (ended_) return; // [B1]
        node.epoch = me.arm(reason);
        waiting_.push(node);
    }
    if (park() == node.which) return;
    {
        const std::lock_guard guard(lock_);
        waiting_.withdraw(node);
    }
    pool.withdraw(*this);
    throw_cancelled();
}

void blocking_call::perform() noexcept {
    call();
    claimed_list claimed;
    const std::lock_guard guard(lock_);
    ended_ = true; // [B1]
    claimed.claim_all(waiting_);
}

} // namespace detail

void blocking_pool::submit(counted_ref<detail::blocking_call> call) {
    std::unique_lock lock(mutex_);
    end_helpers_that_left(lock);
    queue_.push_back(std::move(call));
    pending_.fetch_add(1, std::memory_order_relaxed);
    if (!idle_.empty()) {
        helper& called = *idle_.back();
        idle_.pop_back();
        called.wanted = true;
        called.called.notify_one();
    } else if (helpers_.size() < most_threads_) {
        try {
            start_helper();
        } catch (const std::exception&) {
            if (!helpers_.empty()) return; // one of them will come to it
            queue_.pop_back();
            pending_.fetch_sub(1, std::memory_order_relaxed);
            throw;
        }
    }
}

void blocking_pool::withdraw(const detail::blocking_call& call) noexcept {
    counted_ref<detail::blocking_call> dropped; // destroyed without the lock
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(queue_.begin(), queue_.end(), [&](const auto& each) { return each.get() == &call; });
    if (found == queue_.end()) return;
    dropped = std::move(*found);
    queue_.erase(found);
    pending_.fetch_sub(1, std::memory_order_release);
}

void blocking_pool::start_helper() {
    helper& made = helpers_.emplace_back();
    process::instance().own_threads.fetch_add(1, std::memory_order_relaxed);
    try {
        idle_.reserve(helpers_.size());
        made.thread = std::thread([this, &made] { helper_main(made); });
    } catch (...) {
        process::instance().own_threads.fetch_sub(1, std::memory_order_relaxed);
        helpers_.pop_back();
        throw;
    }
}

void blocking_pool::end_helpers_that_left(std::unique_lock<std::mutex>& lock) noexcept {
    if (left_.empty()) return;
    std::list<helper> left = std::move(left_);
    lock.unlock();
    for (helper& each : left) each.thread.join();
    lock.lock();
}

void blocking_pool::helper_main(helper& self) noexcept {
    std::unique_lock lock(mutex_);
    const std::string name = "weft-block-" + std::to_string(named_++);
    this_thread_state().serves = &home_;
    sys::name_thread(name.c_str());
    while (await_work(self, lock)) {
        counted_ref<detail::blocking_call> call = std::move(queue_.front());
        queue_.pop_front();
        ++running_;
        lock.unlock();
        call->perform();
        call = {};
        pending_.fetch_sub(1, std::memory_order_seq_cst); // [B2]
        home_.observer().notice_activity();               // [B3]
        lock.lock();
        if (--running_ == 0) changed_.notify_all();
    }
    const auto mine =
        std::find_if(helpers_.begin(), helpers_.end(), [&](const helper& each) { return &each == &self; });
    left_.splice(left_.end(), helpers_, mine);
    process::instance().own_threads.fetch_sub(1, std::memory_order_relaxed);
    changed_.notify_all();
}

// False: the helper is to end.
bool blocking_pool::await_work(helper& self, std::unique_lock<std::mutex>& lock) noexcept {
    while (queue_.empty()) {
        if (stopping_) return false;
        self.wanted = false;
        idle_.push_back(&self);
        self.called.wait_for(lock, idle_time_, [&] { return self.wanted; });
        if (self.wanted) continue;
        std::erase(idle_, &self);
        return !queue_.empty();
    }
    return true;
}

std::size_t blocking_pool::finish(clock::time_point give_up) noexcept {
    std::deque<counted_ref<detail::blocking_call>> dropped;
    std::unique_lock lock(mutex_);
    dropped.swap(queue_);
    pending_.fetch_sub(dropped.size(), std::memory_order_release);
    changed_.wait_for(lock, give_up - clock::now(), [this] { return running_ == 0; });
    return running_;
}

void blocking_pool::stop() noexcept {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    for (helper* each : std::exchange(idle_, {})) {
        each->wanted = true;
        each->called.notify_one();
    }
    changed_.wait(lock, [this] { return helpers_.empty(); });
    end_helpers_that_left(lock);
}

std::size_t blocking_pool::threads() const noexcept {
    const std::lock_guard lock(mutex_);
    return helpers_.size();
}

} // namespace weft
