// SPDX-License-Identifier: BSL-1.0
#include "fiber/exception_state.hpp"

namespace weft {

namespace {

// Not <cxxabi.h>: libc++'s lacks it, libstdc++'s declares it `const`, so that compilers would keep its
// result.
extern "C" void* __cxa_get_globals() noexcept; // NOLINT(readability-identifier-naming)

} // namespace

#if defined(__clang__)
[[gnu::noinline]]
#else
[[gnu::noipa]]
#endif
void exception_state::attach() noexcept {
    void* words = __cxa_get_globals();
    asm volatile("" : "+r"(words));
    words_ = static_cast<saved*>(words);
}

} // namespace weft
