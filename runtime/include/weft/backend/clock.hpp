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

// Rounded up, so that nobody wakes early; what does not fit is the longest there is.
template <class Rep, class Period>
constexpr clock::duration to_clock_duration(std::chrono::duration<Rep, Period> duration) noexcept {
    using seconds = std::chrono::duration<double>;
    if (std::chrono::duration_cast<seconds>(duration) >=
        std::chrono::duration_cast<seconds>(clock::duration::max()))
        return clock::duration::max();
    if (std::chrono::duration_cast<seconds>(duration) <=
        std::chrono::duration_cast<seconds>(clock::duration::min()))
        return clock::duration::min();
    return std::chrono::ceil<clock::duration>(duration);
}

// So much time from now. Of what does not fit, the end of time, which never comes.
template <class Rep, class Period>
clock::time_point deadline_after(std::chrono::duration<Rep, Period> duration) noexcept {
    const clock::duration wait = to_clock_duration(duration);
    const clock::time_point now = clock::now();
    return wait >= clock::time_point::max() - now ? clock::time_point::max() : now + wait;
}

} // namespace weft
