// SPDX-License-Identifier: BSL-1.0
#include "debug/stack_trace.hpp"

#include "debug/code_module.hpp"
#include "debug/elf_symbols.hpp"
#include "debug/frame_chain.hpp"
#include "debug/frame_text.hpp"

#include <charconv>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <ostream>
#include <utility>

#include <cxxabi.h>

namespace weft {
namespace {

std::string hexadecimal(std::uint64_t value) {
    std::array<char, 16> digits;
    return "0x" + std::string(digits.data(), std::to_chars(digits.begin(), digits.end(), value, 16).ptr);
}

std::string demangled(const std::string& name) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> text{
        abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free};
    return text ? text.get() : name;
}

// "name(args)+0x1f"; empty: the module's file names no function there.
std::string read_function(const code_module& module, std::uint64_t address) {
    const elf_symbols symbols(module);
    elf_symbols::function found;
    symbols.for_each([&](const elf_symbols::function& each) {
        if (each.holds(address)) found = each;
    });
    if (!found.holds(address)) return {};
    std::string name(4096, '\0');
    name.resize(symbols.read_name(found, name).size());
    return demangled(name) + "+" + hexadecimal(address - found.address);
}

// Each search reads a whole symbol table, and a dump asks for the same few hundred places again and again.
// Never destroyed, so that a dump while the program exits finds it alive.
std::string function_at(const code_module& module, std::uint64_t address) {
    static std::mutex& mutex = *new std::mutex;
    static auto& known = *new std::map<std::pair<std::string, std::uint64_t>, std::string>;
    const std::scoped_lock lock(mutex);
    const auto [entry, fresh] = known.try_emplace({module.path.data(), address});
    if (fresh) entry->second = read_function(module, address);
    return entry->second;
}

struct place {
    std::string function;
    std::string file;

    explicit place(const void* code) : file(hexadecimal(reinterpret_cast<std::uintptr_t>(code))) {
        code_module module;
        if (!find_module(code, module)) return;
        const std::uint64_t address = reinterpret_cast<std::uintptr_t>(code) - module.bias;
        std::array<char, 1024> room;
        file = std::string(module.file_name(room)) + "+" + hexadecimal(address);
        function = function_at(module, address);
    }
};

const void* call_before(const void* return_address) noexcept {
    return reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(return_address) - 1);
}

} // namespace

stack_trace walk_frames(void* pc, void* fp, const std::byte* low, const std::byte* high) noexcept {
    stack_trace trace;
    if (pc == nullptr) return trace;
    trace.add(pc);
    frame_chain chain({low, high}, fp);
    while (void* const caller = trace.size < stack_trace::capacity ? chain.next() : nullptr)
        trace.add(caller);
    return trace;
}

void print(std::ostream& out, const stack_trace& trace, std::string_view indent) {
    std::string text;
    for (std::size_t i = 0; i < trace.size; ++i) {
        const place where(i == 0 ? trace.pcs[i] : call_before(trace.pcs[i]));
        const std::string number = std::to_string(i);
        text.append(indent).append("#").append(number).append(number.size() < 2 ? "  " : " ");
        if (!where.function.empty()) text.append(where.function).append(" at ");
        text.append(where.file).append("\n");
    }
    out << text;
}

void print(int descriptor, const stack_trace& trace, std::string_view indent) noexcept {
    signal_text text(descriptor);
    for (std::size_t i = 0; i < trace.size; ++i) write_frame(text, indent, i, trace.pcs[i]);
}

std::string symbol_name(const void* pc) {
    place where(call_before(pc));
    where.file.erase(0, where.file.rfind('/') + 1);
    return where.function.empty() ? where.file : where.function + " (" + where.file + ")";
}

} // namespace weft
