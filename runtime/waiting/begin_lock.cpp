// SPDX-License-Identifier: BSL-1.0
#include "scheduler/worker.hpp"
#include "waiting/thread_waiter.hpp"

#include <weft/waiting/begin_lock.hpp>

namespace weft {

waiter& begin_lock() noexcept {
    worker* here = worker::current();
    if (here == nullptr || here->running() == nullptr) return thread_waiter::of_this_thread();
    fiber_control& self = *here->running();
    if (here->spend_operation()) [[unlikely]] {
        here->refill_operations();
        here->yield();
    }
    return self;
}

} // namespace weft
