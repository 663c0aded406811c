// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/sanitizer_fiber.hpp"

#include <weft/backend/rng.hpp>

namespace weft {

class scheduler;
class worker;
class thread_waiter;
struct local_values;

// All that weft keeps for a thread, and its only thread_local. A fiber may go on on another thread after a
// switch, and compilers assume that a function stays on its thread: they keep a thread_local's address, or
// merge two calls that return the same one, and the fiber writes to the thread that it has left. So it is
// reached through this_thread_state() alone, which is never inlined and whose calls are never merged; the
// reference is not used across a switch.
struct thread_state {
    worker* current_worker = nullptr;
    scheduler* serves = nullptr;                       // of a helper thread: whose blocking calls it makes
    thread_waiter* waiter = nullptr;                   // of a plain thread that has waited
    unsigned runs_entered = 0;                         // of a plain thread: calls of run() that it is inside
    local_values* locals = nullptr;                    // of a plain thread: its fiber_local values
    rng random{0};                                     // of a plain thread
    bool sanitizer_knows = false;                      // of a plain thread: the next one has been filled in
    [[no_unique_address]] sanitizer_fiber sanitizer{}; // of the stack it runs on, its own or a generator's
};

thread_state& this_thread_state() noexcept;

// Has what hangs on the thread state given back when the calling thread ends; for whoever puts something there.
void release_state_at_thread_exit() noexcept;

} // namespace weft
