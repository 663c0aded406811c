// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstdint>

// Until when the worker in the poller means to sleep, so that whoever arms an earlier timer can interrupt it.
//
// Who may call. keep: the worker that is about to sleep in the poller; done: the same, afterwards. is_later_than: whoever has
// armed a timer, after the heap's `next` says so.
// The early-timer race, in two recipes:
//   sleeper                                          armer
//     1. reads the first timer of all heaps            1. heap's next := when          [T1]
//     2. publishes it                     [T1]         2. published later than when? Interrupts the poller
//     3. reads the first timer again: another
//        than published? From 1
//     4. sleeps until then
//   [T1] All sequentially consistent: a timer that is armed too late for 3 finds in 2 what will be slept until.
// What is published is what is slept until. Once it was not: the timer published had been fired by another worker when 3 looked
// again, and the sleeper slept without limit while its old time stayed there; a later timer then interrupted nobody.
// Model: tests/model/timer_watch_model.cpp.
namespace weft {

template <template <class> class Atomic = std::atomic>
class basic_timer_watch {
public:
    // `first` gives the time of the first timer, in nanoseconds. Returns until when to sleep.
    template <class FirstTimer>
    std::int64_t keep(FirstTimer first) noexcept {
        for (;;) {
            const std::int64_t until = first();
            until_.store(until, std::memory_order_seq_cst); // [T1]
            if (first() == until) return until;
        }
    }
    void done() noexcept { until_.store(nobody, std::memory_order_relaxed); }
    bool is_later_than(std::int64_t when) const noexcept {
        return until_.load(std::memory_order_seq_cst) > when; // [T1]
    }

private:
    // Earlier than any timer: nobody sleeps there, and whoever goes to sleep will see the timer.
    static constexpr std::int64_t nobody = INT64_MIN;

    Atomic<std::int64_t> until_{nobody};
};

using timer_watch = basic_timer_watch<>;

} // namespace weft
