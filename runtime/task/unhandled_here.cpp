// SPDX-License-Identifier: BSL-1.0
#include "scheduler/worker.hpp"
#include "task/unhandled.hpp"

#include <weft/sync/wait_group.hpp>

#include <exception>

namespace weft::detail {

void report_unhandled_here() noexcept {
    fiber_control& self = *worker::current()->running();
    self.exception = std::current_exception();
    report_unhandled(self);
}

} // namespace weft::detail
