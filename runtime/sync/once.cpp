// SPDX-License-Identifier: BSL-1.0
#include <weft/sync/once.hpp>
#include <weft/waiting/claimed_list.hpp>
#include <weft/waiting/describe.hpp>
#include <weft/waiting/park.hpp>

#include <mutex>
#include <system_error>

// Who may call. begin: any fiber or thread; succeed and fail: the one to which begin said true.
//
// Invariants, with lock_ free.
//   caller_ is set  <=>  a call runs, or whoever is to make it has been claimed and woken
//   somebody in the queue can be claimed  =>  caller_ is set
//
// [O1] done_ is stored with release when the call has ended, and loaded with acquire by all who then do nothing.
namespace weft {
namespace {

constexpr wait_reason reason{"the end of a call_once"};

} // namespace

bool once_flag::begin() {
    waiter& me = this_waiter();
    wait_node node(me, 0);
    {
        const std::lock_guard guard(lock_);
        if (done_.load(std::memory_order_relaxed)) return false; // stored under lock_
        if (caller_ == nullptr) {
            caller_ = &me;
            return true;
        }
        if (caller_ == &me)
            throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur),
                "weft::call_once: the call of " + describe(me) + " calls call_once for the same flag");
        node.epoch = me.arm(reason);
        queue_.push(node);
    }
    if (park() == node.which) return !done_.load(std::memory_order_acquire); // [O1]
    {
        const std::lock_guard guard(lock_);
        queue_.withdraw(node);
    }
    throw_cancelled();
}

void once_flag::succeed() noexcept {
    claimed_list released;
    const std::lock_guard guard(lock_);
    done_.store(true, std::memory_order_release); // [O1]
    caller_ = nullptr;
    released.claim_all(queue_);
}

void once_flag::fail() noexcept {
    claimed_list next;
    const std::lock_guard guard(lock_);
    const wait_node* first = next.claim_first(queue_);
    caller_ = first == nullptr ? nullptr : first->who;
}

} // namespace weft
