// SPDX-License-Identifier: BSL-1.0
#include <weft/stack_error.hpp>

#include <cstdio>

namespace weft {

stack_unavailable::stack_unavailable(const char* words) noexcept {
    std::snprintf(words_, sizeof words_, "%s", words);
}
const char* stack_unavailable::what() const noexcept { return words_; }

} // namespace weft
