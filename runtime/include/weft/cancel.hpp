// SPDX-License-Identifier: BSL-1.0
#pragma once

// Cancellation and deadlines: source and token, the scope in which blocking calls heed them, the case of a select.
#include <weft/cancel_scope.hpp>
#include <weft/cancel_token.hpp>
#include <weft/cancelled.hpp>
#include <weft/on_cancel.hpp>
