// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace weft::net {

// The two directions of a stream, as whoever calls sees them: reading, writing.
enum class flow : std::uint8_t { in = 0, out = 1 };

} // namespace weft::net
