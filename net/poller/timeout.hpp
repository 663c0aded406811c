// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/waiting/park.hpp>

#include <algorithm>
#include <cstdint>

namespace weft::net {

// What the system's waiting call is told: -1 for ever, 0 not at all. The clock is not read for either.
inline std::int64_t nanoseconds_until(clock::time_point deadline) noexcept {
    if (deadline == never) return -1;
    if (deadline <= clock::time_point()) return 0;
    return std::max<std::int64_t>(0, (deadline - clock::now()).count());
}

} // namespace weft::net
