// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "debug/stack_trace.hpp"

#include <chrono>
#include <cstddef>
#include <optional>

// Looking at the stack of another thread of this process, from any thread but a signal handler.
namespace weft {

// By a directed SIGURG, whose handler records program counters and nothing else. `low` and `high` are the
// stack that the thread is thought to run on; if it turns out to run on another one, the trace is its pc
// alone. Nothing if the thread does not answer within `patience`: it has ended, blocks the signal or got no
// CPU. One capture at a time, others wait for their turn before their patience begins. The handler is
// installed by the first capture; a handler of the user's keeps all signals that are not captures, if it was
// there before. A system call of the thread may end with EINTR, as SA_RESTART does not cover sleeps and
// polls: for a thread that sleeps see below.
std::optional<stack_trace> capture_thread(
    int tid, const std::byte* low, const std::byte* high, std::chrono::nanoseconds patience) noexcept;

// The state letter of /proc/self/task/TID/stat: 'R' runs or wants to, 'S' and 'D' sleep in the kernel; 0:
// unknown.
char thread_run_state(int tid) noexcept;

// Without a signal, from what /proc tells of a thread that sleeps in a system call. libc's part of the stack
// is passed over, see find_chain. Nothing if the thread runs, sleeps elsewhere or was up meanwhile. The stack
// may even be unmapped meanwhile.
std::optional<stack_trace> peek_blocked_thread(int tid, const std::byte* low, const std::byte* high) noexcept;

} // namespace weft
