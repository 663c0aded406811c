// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/cancel.hpp>
#include <weft/debug.hpp>
#include <weft/fiber.hpp>
#include <weft/local.hpp>
#include <weft/run.hpp>
