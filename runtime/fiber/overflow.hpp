// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>

#include <signal.h>

// The report of a stack overflow: a fault at an address that a fiber's guard holds is told with the fiber's
// name, the place that spawned it and a backtrace, from an alternate signal stack; then the process dies as a
// SIGSEGV does, its core dump showing the fault. Every other SIGSEGV or SIGBUS goes where it went before.
//
// Who may call what: install_overflow_report() any thread, any number of times, the first call counts.
// alternate_stack is made and destroyed by the thread it is for; without one a thread that overflows dies in
// silence.
//
// The handler calls async-signal-safe functions and dl_iterate_phdr, which takes the dynamic linker's lock.
// That lock is recursive and its owner needs nothing from us, so that it can hang only in a process in ruins;
// against this, and against a stderr that nobody reads, there is an alarm of five seconds.
//
// - [O1] Two at once: the first thread takes the turn, the others wait until the process is gone. Relaxed: it
//   guards only what its owner alone looks at. A fault within the report kills at once.
// - [O2] The first install releases the lookup before a handler can run, the handler acquires it: what the
//   lookup looks at.
//
// Sanitizers: ASan's and TSan's own handlers were there before, so that they get, and report, whatever is no
// overflow. A fiber's overflow is told by weft in every build: they know a thread's stack, not a fiber's.
namespace weft {

struct overflow_subject {
    std::uint64_t id = 0;
    const char* name = nullptr; // or null
    const char* file = nullptr; // or null: see spawned_from
    unsigned line = 0;
    const void* spawned_from = nullptr; // a return address, or null
    const std::byte* low = nullptr;     // the stack, without its guard
    const std::byte* high = nullptr;
    std::size_t size = 0;      // what was promised; 0: all from low to high
    bool in_generator = false; // the stack is that of a generator that the fiber resumed
};

// Asked from within the signal handler: which fiber's guard holds `address`? Must be async-signal-safe.
using overflow_lookup = bool (*)(const void* address, overflow_subject&) noexcept;

void install_overflow_report(overflow_lookup) noexcept;

// This thread's signal handlers have a stack of their own while it lives; then it has again what it had
// before. Room for a report, or a handler of the user's, is there beyond what the kernel puts on it; touched
// pages alone cost memory.
class alternate_stack {
public:
    alternate_stack(); // throws std::system_error
    ~alternate_stack();
    alternate_stack(const alternate_stack&) = delete;
    alternate_stack& operator=(const alternate_stack&) = delete;

private:
    std::size_t size_;
    std::byte* guard_;
    stack_t before_{};
};

} // namespace weft
