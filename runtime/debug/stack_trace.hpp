// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>

namespace weft {

struct stack_trace {
    static constexpr std::size_t capacity = 48;
    std::array<void*, capacity> pcs; // [0] is where the function stands, the others are return addresses
    std::size_t size = 0;

    void add(void* pc) noexcept {
        if (size < capacity) pcs[size++] = pc;
    }
};

// Follows frame pointers from {pc, fp}, only through addresses in [low, high), to the entry of the stack or
// until the trace is full. The stack may be written meanwhile; it must not be unmapped. Async-signal-safe.
stack_trace walk_frames(void* pc, void* fp, const std::byte* low, const std::byte* high) noexcept;

// One line a frame: "    #3  name(args)+0x1f at path/file+0x4f20", or "    #3  path/file+0x4f20" where the
// file names no function; addr2line takes the last number. Of a return address the call is shown, one byte
// before it. The first opens files, allocates and keeps what it found; any thread. The second is
// async-signal-safe, but for the lock of the dynamic linker.
void print(std::ostream&, const stack_trace&, std::string_view indent = "    ");
void print(int descriptor, const stack_trace&, std::string_view indent = "    ") noexcept;

// For a return address, as the two above: "main+0x12 (echo_server+0x4f20)", or "echo_server+0x4f20".
std::string symbol_name(const void* pc);

} // namespace weft
