// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "debug/code_module.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <elf.h>

namespace weft {

// The functions in a module's file: from .symtab, which names static and hidden ones too, else, in a stripped
// file, from .dynsym. Reads piece by piece, allocates nothing and takes no lock, so that a signal handler can
// use it.
class elf_symbols {
public:
    explicit elf_symbols(const code_module&) noexcept;
    ~elf_symbols();
    elf_symbols(const elf_symbols&) = delete;
    elf_symbols& operator=(const elf_symbols&) = delete;

    // Addresses are the file's, without the bias.
    struct function {
        std::uint64_t address = 0;
        std::uint64_t size = 0;
        std::uint32_t name = 0; // for read_name

        bool holds(std::uint64_t at) const noexcept { return at - address < size; }
    };

    // Calls visit(function) for each. Nothing if the file cannot be read or is another one than was loaded.
    template <class Visitor>
    void for_each(Visitor visit) const noexcept {
        Elf64_Sym piece[64];
        for (std::uint64_t next = 0; next < count_;) {
            const std::span<const Elf64_Sym> symbols = read_symbols(next, piece);
            if (symbols.empty()) return;
            for (const Elf64_Sym& symbol : symbols)
                if (is_function(symbol)) visit(function{symbol.st_value, symbol.st_size, symbol.st_name});
            next += symbols.size();
        }
    }

    // As the linker knows it, not demangled; cut to the room there is.
    std::string_view read_name(const function&, std::span<char> room) const noexcept;

private:
    bool read(void* to, std::size_t size, std::uint64_t offset) const noexcept;
    bool is_file_of(const code_module&, const Elf64_Ehdr&) const noexcept;
    void find_tables(const Elf64_Ehdr&) noexcept;
    std::span<const Elf64_Sym> read_symbols(std::uint64_t first, std::span<Elf64_Sym> room) const noexcept;
    static bool is_function(const Elf64_Sym&) noexcept;

    int descriptor_;
    std::uint64_t symbols_ = 0; // offsets in the file
    std::uint64_t names_ = 0;
    std::uint64_t names_size_ = 0;
    std::uint64_t count_ = 0;
};

} // namespace weft
