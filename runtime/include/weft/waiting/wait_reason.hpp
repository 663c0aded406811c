// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace weft {

// Why somebody waits, as dumps and the deadlock report show it. One constant object a reason; compared by address.
struct wait_reason {
    const char* name; // completes "waits for ..."
    // Something outside the runtime's fibers can end the wait: a descriptor, a timer, a signal, a helper thread. A program
    // whose fibers all wait, none of them externally, is deadlocked.
    bool external = false;
};

} // namespace weft
