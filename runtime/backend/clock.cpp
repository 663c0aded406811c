// SPDX-License-Identifier: BSL-1.0
#include <weft/backend/clock.hpp>

#include <time.h>

namespace weft {

clock::time_point clock::now() noexcept {
    timespec ts{};
    ::clock_gettime(CLOCK_MONOTONIC, &ts);
    return time_point{std::chrono::seconds{ts.tv_sec} + std::chrono::nanoseconds{ts.tv_nsec}};
}

} // namespace weft
