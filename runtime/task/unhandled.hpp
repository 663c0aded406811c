// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/fiber_id.hpp>

#include <exception>

namespace weft {

struct fiber_control;

fiber_info info_of(const fiber_control& fiber);

// An exception left the fiber and nobody can join it any more: gives it to options::on_unhandled, or ends the program after a
// report. Takes the exception out of the control block.
void report_unhandled(fiber_control& fiber) noexcept;

// An exception whose owner ends without having been asked for it: to options::on_unhandled of the calling fiber's runtime, or else to
// stderr. The program runs on.
void report_lost(const std::exception_ptr& exception, const char* what) noexcept;

} // namespace weft
