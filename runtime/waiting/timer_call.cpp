// SPDX-License-Identifier: BSL-1.0
#include "scheduler/scheduler.hpp"
#include "scheduler/timer_heap.hpp"
#include "scheduler/worker.hpp"

#include <weft/waiting/timer_call.hpp>

namespace weft {

void timer_call::arm(clock::time_point when) {
    disarm();
    worker* here = worker::current();
    scheduler& home = here != nullptr ? here->home() : scheduler::current_or_default();
    timer_heap& heap = (here != nullptr ? *here : *home.workers.front()).timers();
    heap_ = heap.shared_from_this();
    if (heap.arm(node_, when)) home.timer_armed(when);
}

bool timer_call::disarm() noexcept { return timer_heap::disarm(node_); }

} // namespace weft
