// SPDX-License-Identifier: BSL-1.0
#pragma once

// All of runtime and channel.

#include <weft/blocking.hpp>
#include <weft/broadcast.hpp>
#include <weft/cancel.hpp>
#include <weft/channel.hpp>
#include <weft/coroutine.hpp>
#include <weft/debug.hpp>
#include <weft/fiber.hpp>
#include <weft/generator.hpp>
#include <weft/local.hpp>
#include <weft/oneshot.hpp>
#include <weft/resilience.hpp>
#include <weft/run.hpp>
#include <weft/select.hpp>
#include <weft/selector.hpp>
#include <weft/sync.hpp>
#include <weft/task_group.hpp>
#include <weft/time.hpp>
#include <weft/watch.hpp>
