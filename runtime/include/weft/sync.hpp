// SPDX-License-Identifier: BSL-1.0
#pragma once

// All of sync/: for fibers and plain threads in any mix, of one runtime or several. Without contention none of it makes a system
// call. Misuse throws a std::logic_error that says what was misused.

#include <weft/sync/barrier.hpp>
#include <weft/sync/condition_variable.hpp>
#include <weft/sync/latch.hpp>
#include <weft/sync/mutex.hpp>
#include <weft/sync/once.hpp>
#include <weft/sync/semaphore.hpp>
#include <weft/sync/shared_mutex.hpp>
#include <weft/sync/wait_group.hpp>
