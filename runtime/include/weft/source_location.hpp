// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <version>

#if defined(__cpp_lib_source_location)
#include <source_location>
#else
#include <cstdint>
#endif

namespace weft {

#if defined(__cpp_lib_source_location)
using source_location = std::source_location;
#else
// std::source_location for compilers that lack it (clang 14 with libstdc++).
class source_location {
public:
    static constexpr source_location current(const char* file = __builtin_FILE(),
        const char* function = __builtin_FUNCTION(), std::uint_least32_t line = __builtin_LINE()) noexcept {
        source_location here;
        here.file_ = file;
        here.function_ = function;
        here.line_ = line;
        return here;
    }
    constexpr const char* file_name() const noexcept { return file_; }
    constexpr const char* function_name() const noexcept { return function_; }
    constexpr std::uint_least32_t line() const noexcept { return line_; }
    constexpr std::uint_least32_t column() const noexcept { return 0; }

private:
    const char* file_ = "";
    const char* function_ = "";
    std::uint_least32_t line_ = 0;
};
#endif

} // namespace weft
