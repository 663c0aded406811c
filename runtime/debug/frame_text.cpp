// SPDX-License-Identifier: BSL-1.0
#include "debug/frame_text.hpp"

#include "debug/code_module.hpp"
#include "debug/elf_symbols.hpp"

#include <array>

namespace weft {
namespace {

// "_Z4namei+0x1f"; nothing and false: the module's file names no function there.
bool write_function(signal_text& text, const code_module& module, std::uint64_t address) noexcept {
    const elf_symbols symbols(module);
    elf_symbols::function found;
    symbols.for_each([&](const elf_symbols::function& each) noexcept {
        if (each.holds(address)) found = each;
    });
    std::array<char, 512> room;
    const std::string_view name = symbols.read_name(found, room);
    if (!found.holds(address) || name.empty()) return false;
    (text << name << "+").hexadecimal(address - found.address);
    return true;
}

// The function, if there is one, and the file; what comes before and after the file is for a file that has a
// function.
void write_place(signal_text& text, const void* code, std::string_view before_file,
    std::string_view after_file, bool whole_path) noexcept {
    code_module module;
    if (!find_module(code, module)) {
        text.hexadecimal(reinterpret_cast<std::uintptr_t>(code));
        return;
    }
    const std::uint64_t address = reinterpret_cast<std::uintptr_t>(code) - module.bias;
    const bool has_function = write_function(text, module, address);
    std::array<char, 1024> room;
    std::string_view file = module.file_name(room);
    if (!whole_path) file.remove_prefix(file.rfind('/') + 1);
    if (has_function) text << before_file;
    (text << file << "+").hexadecimal(address);
    if (has_function) text << after_file;
}

const void* call_before(const void* return_address) noexcept {
    return reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(return_address) - 1);
}

} // namespace

void write_frame(signal_text& text, std::string_view indent, std::size_t number, const void* pc) noexcept {
    (text << indent << "#").decimal(number) << (number < 10 ? "  " : " ");
    write_place(text, number == 0 ? pc : call_before(pc), " at ", "", true);
    text << "\n";
    text.flush();
}

void write_symbol(signal_text& text, const void* pc) noexcept {
    write_place(text, call_before(pc), " (", ")", false);
}

} // namespace weft
