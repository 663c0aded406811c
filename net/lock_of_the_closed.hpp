// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/source.hpp>

#include <cstdint>

// A select's case of what was never open is always ready, so it is never queued; but it needs a lock like any source.
namespace weft::net {

inline spin_lock lock_of_the_closed;
inline const std::uint64_t rank_of_the_closed = new_lock_rank();

} // namespace weft::net
