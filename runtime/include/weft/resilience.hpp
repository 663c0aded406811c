// SPDX-License-Identifier: BSL-1.0
#pragma once

// What stands between a program and the services it calls: try again, stop trying, go slower, share connections, ask once. For fibers
// and plain threads in any mix; where a call waits, it is a cancellation point.
#include <weft/resilience/circuit_breaker.hpp>
#include <weft/resilience/pool.hpp>
#include <weft/resilience/rate_limiter.hpp>
#include <weft/resilience/retry.hpp>
#include <weft/resilience/singleflight.hpp>
