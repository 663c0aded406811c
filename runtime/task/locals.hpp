// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace weft {

// The fiber_local values of one fiber or thread: a chain, newest first. Used by its owner alone.
struct local_values {
    const void* key;
    void* value;
    void (*deleter)(void*) noexcept;
    local_values* older;
};

// A value's destructor may use fiber_locals again; what it adds must be destroyed by another call.
void destroy_locals(local_values* newest) noexcept;

} // namespace weft
