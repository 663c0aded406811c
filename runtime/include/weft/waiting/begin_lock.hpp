// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/waiter.hpp>

namespace weft {

// What an operation begins with that is no cancellation point, and cheap, as locking a mutex: gives this_waiter(), and counts one
// operation against the calling fiber's slice, which yields when the slice is used up.
[[gnu::visibility("default")]] waiter& begin_lock() noexcept;

} // namespace weft
