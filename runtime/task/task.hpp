// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/fiber_control.hpp"

namespace weft {

class worker;

// On the fiber: calls its function and keeps what comes of it. May return on another worker than it was called on.
void run_task(fiber_control& fiber) noexcept;
// On the fiber, after its function has ended and nothing of it is left on the stack: publishes the end, wakes who joins.
void end_fiber(worker& on, fiber_control& fiber) noexcept;
// For which a runtime that ends cancels its fibers.
const cancel_reason& reason_of_shutdown();
// Gives the control block back with the last one.
void drop_reference(fiber_control& fiber) noexcept;

} // namespace weft
