// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace weft {

// A broken invariant or a refusal of the kernel that nothing can mend: prints "weft: <words>" and aborts.
[[noreturn, gnu::format(printf, 1, 2)]] void fatal(const char* words, ...) noexcept;

} // namespace weft
