// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>

#include <signal.h>

namespace weft {

// Puts a handler of weft's before the action that a signal had, and keeps that action for all signals that
// are not weft's.
//
// Who may call what: replace() one thread, once; pass_on() any handler, async-signal-safe.
// [R1] replace() releases in_place_ after it wrote before_, pass_on() acquires it: a handler may run before
// replace() returns.
class replaced_action {
public:
    using handler = void (*)(int signal, siginfo_t*, void* ucontext);

    // The handler runs with SA_SIGINFO and `flags`, and blocks what the earlier one did, so that the earlier
    // one, called from within it, finds the mask it asked for. It runs on the alternate stack even if that
    // one did not ask for it.
    void replace(int signal, handler, int flags) noexcept;

    // Calls the earlier handler with the same arguments. False: there is none, the default action or none was
    // set; ignored() tells which.
    bool pass_on(int signal, siginfo_t*, void* ucontext) noexcept;
    bool ignored() const noexcept;

private:
    struct sigaction before_{};
    std::atomic<bool> in_place_{false};
    std::atomic<bool> used_up_{false}; // SA_RESETHAND; relaxed: concerns nothing else
};

} // namespace weft
