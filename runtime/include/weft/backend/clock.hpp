// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>

namespace weft {

// The library's clock: steady, in nanoseconds. now() is the only place that reads the time, so that a simulation can replace it.
// Never blocks; thread-safe.
struct [[gnu::visibility("default")]] clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<clock>;
    static constexpr bool is_steady = true;
    static time_point now() noexcept;
};

} // namespace weft
