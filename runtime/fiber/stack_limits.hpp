// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/stack_error.hpp>

#include <cstddef>

namespace weft {

enum class stack_obstacle {
    too_large,
    no_address_space, // a reservation was refused
    no_memory,        // opening a part of one was refused
    no_mappings,      // guards that cost mappings have used up their share
};

// The error for a stack of `size` bytes; looks up which limit of the process or the system is the one that
// was hit. needed: the bytes that the kernel refused, or for no_mappings the limit that they are counted
// against.
stack_unavailable no_stack(std::size_t size, stack_obstacle obstacle, std::size_t needed) noexcept;

std::size_t max_map_count() noexcept;

} // namespace weft
