// SPDX-License-Identifier: BSL-1.0
#pragma once

// Structured concurrency: fibers that end before the call, or the object, that started them.
#include <weft/structured/outcome.hpp>
#include <weft/structured/parallel.hpp>
#include <weft/structured/task_group.hpp>
#include <weft/structured/when.hpp>
