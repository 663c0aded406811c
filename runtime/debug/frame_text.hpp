// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "debug/signal_text.hpp"

#include <cstddef>
#include <string_view>

// What print(int, ...) is made of. Async-signal-safe, but for the lock of the dynamic linker. Names stay as
// the linker has them, for c++filt, since every demangler at hand allocates.
namespace weft {

// A line of a stack trace; all but the innermost frame are return addresses.
void write_frame(signal_text&, std::string_view indent, std::size_t number, const void* pc) noexcept;

// "main+0x12 (echo_server+0x4f20)", of a return address.
void write_symbol(signal_text&, const void* pc) noexcept;

} // namespace weft
