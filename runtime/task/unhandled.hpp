// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/fiber_id.hpp>

namespace weft {

struct fiber_control;

fiber_info info_of(const fiber_control& fiber);

// An exception left the fiber and nobody can join it any more: gives it to options::on_unhandled, or ends the program after a
// report. Takes the exception out of the control block.
void report_unhandled(fiber_control& fiber) noexcept;

} // namespace weft
