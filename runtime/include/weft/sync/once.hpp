// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <atomic>
#include <functional>
#include <utility>

namespace weft {

class once_flag;

template <class F, class... Args>
void call_once(once_flag& flag, F&& f, Args&&... args);

// As std::once_flag.
class [[gnu::visibility("default")]] once_flag {
public:
    constexpr once_flag() noexcept = default;
    once_flag(const once_flag&) = delete;
    once_flag& operator=(const once_flag&) = delete;

private:
    template <class F, class... Args>
    friend void call_once(once_flag& flag, F&& f, Args&&... args);

    bool begin(); // true: the caller is to make the call, and say how it ended
    void succeed() noexcept;
    void fail() noexcept;

    std::atomic<bool> done_{false};
    spin_lock lock_;
    waiter* caller_ = nullptr;
    wait_queue queue_;
};

// Calls f(args...) once for the flag, whoever else does so: the others wait until that call has ended, and do nothing. If it
// throws, that goes to its own caller, and the next one in the queue, first come, first served, makes the call. Blocks the calling
// fiber or thread; waiting is a cancellation point, a call when all is done costs one load. Throws std::system_error
// (resource_deadlock_would_occur) if f itself calls call_once for the same flag. Happens before: the call that did not throw, and
// the return of every call_once.
template <class F, class... Args>
void call_once(once_flag& flag, F&& f, Args&&... args) {
    if (flag.done_.load(std::memory_order_acquire) || !flag.begin()) return; // [O1]
    try {
        std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
    } catch (...) {
        flag.fail();
        throw;
    }
    flag.succeed();
}

} // namespace weft
