// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/waiting/source.hpp>

#include <cstdint>
#include <span>

namespace weft::detail {

// One select as the engine sees it. `order` is scratch of twice as many entries as there are sources.
struct select_call {
    std::span<source* const> sources; // nullptr: never ready
    std::span<std::uint16_t> order;
    bool first_in_order = false; // the first that is ready, else any of them
    bool waits = true;
    clock::time_point deadline = clock::time_point::max();
};

inline constexpr unsigned nothing_ready = 0xffff'fffe;
inline constexpr unsigned deadline_passed = 0xffff'ffff;
inline constexpr std::size_t most_cases =
    0xfff0; // a wake_cause holds the number of one, and has two other values

// The index of the source that happened, or one of the two above. Throws `cancelled`, unless it does not wait, and what take()
// throws; then no case has happened.
[[gnu::visibility("default")]] unsigned select_one(const select_call& call);

} // namespace weft::detail
