// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/poller.hpp>

#include <memory>

namespace weft::net {

// The backend that this build uses (Meson's option `poller`). Throws std::system_error.
std::shared_ptr<poller> make_system_poller();

// libkqueue reports poll_events::error, and has a thread of its own that gives a poller's descriptors back, some time after
// its end.
#if WEFT_USES_KQUEUE && defined(__linux__)
inline constexpr bool poller_takes_errors = true;
inline constexpr bool poller_closes_late = true;
#else
inline constexpr bool poller_takes_errors = false;
inline constexpr bool poller_closes_late = false;
#endif

} // namespace weft::net
