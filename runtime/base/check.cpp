// SPDX-License-Identifier: BSL-1.0
#include "base/check.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace weft {

void fatal(const char* words, ...) noexcept {
    std::va_list arguments;
    va_start(arguments, words);
    std::fputs("weft: ", stderr);
    std::vfprintf(stderr, words, arguments);
    std::fputc('\n', stderr);
    va_end(arguments);
    std::abort();
}

} // namespace weft
