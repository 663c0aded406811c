// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/sanitizer_fiber.hpp"

#include <weft/backend/rng.hpp>

#include <chrono>

// The policy seam: every choice of the scheduler that correctness leaves open. None of the numbers was tuned on weft unless
// it says so; the tests may not depend on them.
namespace weft::scheduling {

using namespace std::chrono_literals;

// Switches between two looks at what a busy worker would otherwise never see: queues shared by all, timers, the poller. A
// prime, as in Go, so that it does not fall into step with the program.
inline constexpr unsigned attention_period = 61;
// Fibers taken from the run-next slot in a row while others wait in the ring; tokio has 3, Go has a time slice of 10 ms.
inline constexpr unsigned run_next_limit = 16;
// Operations that did not wait before a fiber yields (tokio: 128).
inline constexpr unsigned operations_per_slice = 128;
// A worker takes a fiber from the oldest fresh batch this often (shared_queues.hpp). Measured with skynet, peak memory: 42 MB
// without, 735 MB with 1 ms, since each time a whole further branch of the tree comes alive.
inline constexpr auto oldest_fresh_interval = 100ms;
// A busy worker polls for I/O this often.
inline constexpr auto poll_interval = 200us;
// Rounds over all victims before a searching worker gives up.
inline constexpr unsigned search_rounds = 4;
// About 3 us on x86-64, as Go waits: a pair of fibers that wake each other should stay on one worker.
inline constexpr unsigned pauses_before_next_is_stolen = 60;
// From the shared queues to a worker's ring at once.
inline constexpr unsigned shared_batch = 128;
// A worker that has not switched for so long is stuck. Sanitizers slow everything down by about ten times.
inline constexpr auto stuck_after = sanitized_thread || sanitized_address ? 100ms : 10ms;
inline constexpr auto watchdog_period = 2ms;
inline constexpr unsigned quiet_periods = 10;

inline unsigned first_victim(rng& random, unsigned workers) noexcept { return random.below(workers); }

} // namespace weft::scheduling
