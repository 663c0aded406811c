// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <exception>

namespace weft::detail {

// True of `cancelled`: somebody wants no result any more. False of timed_out: the work took too long.
[[gnu::visibility("default")]] bool is_cancellation(const std::exception_ptr& failure) noexcept;

} // namespace weft::detail
