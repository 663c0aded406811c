// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/waiting/ready_list.hpp>
#include <weft/waiting/timer_node.hpp>

#include <memory>

namespace weft {

// A timer that does something else than end a wait. Armed on the calling fiber's runtime, on a plain thread on the default one;
// it fires while that runtime lives. A runtime that ends forgets it.
//
// Who may call. arm and disarm: any thread, but not two at a time. fire: whoever finds it due, with the heap's lock held, so that
// it neither arms nor disarms anything, and takes but locks under which nobody does. After disarm() it neither runs nor will.
class [[gnu::visibility("default")]] timer_call {
public:
    timer_call(const timer_call&) = delete;
    timer_call& operator=(const timer_call&) = delete;

    // Also if it is armed: then for the new time instead.
    void arm(clock::time_point when);
    // False: it was not armed.
    bool disarm() noexcept;

    // Gives the time for which it is armed anew; clock::time_point::max(): it is not.
    virtual clock::time_point fire(
        clock::time_point due, clock::time_point now, ready_list& batch) noexcept = 0;

    // Its runtime ends, and it will not fire. Gives a fiber that was to be started, or nullptr.
    virtual fiber_control* forgotten() noexcept { return nullptr; }

protected:
    timer_call() noexcept : node_(*this) {}
    ~timer_call() = default; // disarmed before

private:
    timer_node node_;
    std::shared_ptr<timer_heap> heap_; // keeps that of node_, which may outlive its worker
};

} // namespace weft
