// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>

#include <chrono>
#include <type_traits>

namespace weft::detail {

// A time of any clock as a deadline. One of another clock is converted once, by that clock's present time: adjusting that clock
// later has no effect.
template <class Clock, class Duration>
clock::time_point deadline_at(const std::chrono::time_point<Clock, Duration>& time) noexcept {
    if constexpr (std::is_same_v<Clock, clock>) {
        return clock::time_point(to_clock_duration(time.time_since_epoch()));
    } else {
        const auto now = Clock::now();
        return time <= now ? clock::time_point::min() : deadline_after(time - now);
    }
}

} // namespace weft::detail
