// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/fiber.hpp>
#include <weft/source_location.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/timer_call.hpp>

#include <functional>
#include <memory>

namespace weft {

// Runs a function in a fiber of its own, later: what after_func is made of.
//
// The fiber is made when the timer is armed, so that nothing can fail when it fires. Its function holds a reference to this, so
// this lives until it has run or is stopped, whether or not anybody else knows it. Any thread.
class [[gnu::visibility("default")]] delayed_go final : private timer_call,
                                                        public std::enable_shared_from_this<delayed_go> {
public:
    delayed_go(std::function<void()> f, const source_location& where);
    ~delayed_go() = default; // not armed, or its fiber would hold it

    // Both: true if that kept the function from being run. start also runs it at its new time. Throws stack_unavailable.
    bool start(clock::time_point when);
    bool stop() noexcept;

private:
    clock::time_point fire(clock::time_point due, clock::time_point now, ready_list& batch) noexcept override;
    fiber_control* forgotten() noexcept override;
    void drop(fiber_control* unstarted) noexcept;

    const std::function<void()> function_;
    const source_location where_;
    spin_lock arming_;               // [G1] one start or stop at a time; taken before the heap's lock
    fiber_control* fiber_ = nullptr; // ready to start; written under the heap's lock while armed
};

} // namespace weft
