// SPDX-License-Identifier: BSL-1.0
#include "failing_allocation.hpp"

#include <cstdlib>
#include <new>

std::size_t weft::testing::failing_allocation = 0;

#if WEFT_TEST_REPLACES_NEW

void* operator new(std::size_t size) {
    using weft::testing::failing_allocation;
    if (failing_allocation != 0 && --failing_allocation == 0) throw std::bad_alloc();
    if (void* at = std::malloc(size != 0 ? size : 1)) return at;
    throw std::bad_alloc();
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }

#endif
