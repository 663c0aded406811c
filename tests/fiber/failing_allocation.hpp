// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

// Clang's TSan does not let a program replace operator new.
#if defined(__SANITIZE_THREAD__)
#define WEFT_TEST_REPLACES_NEW 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT_TEST_REPLACES_NEW 0
#endif
#endif
#ifndef WEFT_TEST_REPLACES_NEW
#define WEFT_TEST_REPLACES_NEW 1
#endif

namespace weft::testing {

inline constexpr bool allocations_can_fail = WEFT_TEST_REPLACES_NEW;

// Which call of operator new throws std::bad_alloc: 1, the next one; 0, none. For one thread, with no other
// running.
extern std::size_t failing_allocation;

} // namespace weft::testing
