// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "debug/stack_trace.hpp"

#include <string>

namespace weft {

struct fiber_control;
class worker;

namespace debug {

// "file:line", or the symbolised return address.
std::string place_of_spawn(const fiber_control& fiber);
// "fiber 17 'name' (spawned at file:line)"
std::string describe(const fiber_control& fiber);
// Of a fiber that runs on that worker now; empty if it cannot be had. Any other thread.
stack_trace trace_of_running(worker& on, const fiber_control& fiber) noexcept;

} // namespace debug
} // namespace weft
