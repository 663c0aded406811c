// SPDX-License-Identifier: BSL-1.0
#include "debug/elf_symbols.hpp"

#include <weft/backend/sys.hpp>

#include <algorithm>
#include <cstring>

namespace weft {

elf_symbols::elf_symbols(const code_module& module) noexcept
    : descriptor_(sys::open_read(module.path[0] != '\0' ? module.path.data() : "/proc/self/exe")) {
    Elf64_Ehdr head;
    if (read(&head, sizeof head, 0) && is_file_of(module, head)) find_tables(head);
}

elf_symbols::~elf_symbols() {
    if (descriptor_ >= 0) sys::close(descriptor_);
}

bool elf_symbols::read(void* to, std::size_t size, std::uint64_t offset) const noexcept {
    return descriptor_ >= 0 && sys::read_at(descriptor_, to, size, offset) == static_cast<long>(size);
}

bool elf_symbols::is_file_of(const code_module& module, const Elf64_Ehdr& head) const noexcept {
    if (std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64) return false;
    if (head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phnum < module.header_count) return false;
    for (std::size_t i = 0; i < module.header_count; ++i) {
        Elf64_Phdr part;
        if (!read(&part, sizeof part, head.e_phoff + i * sizeof part)) return false;
        if (std::memcmp(&part, &module.headers[i], sizeof part) != 0) return false;
    }
    return true;
}

void elf_symbols::find_tables(const Elf64_Ehdr& head) noexcept {
    const auto section = [&](std::uint64_t index, Elf64_Shdr& to) {
        return read(&to, sizeof to, head.e_shoff + index * sizeof to);
    };
    if (head.e_shoff == 0 || head.e_shentsize != sizeof(Elf64_Shdr)) return;
    std::uint64_t sections = head.e_shnum;
    Elf64_Shdr table;
    if (sections == 0 && section(0, table)) sections = table.sh_size; // more of them than e_shnum can say
    for (std::uint64_t i = 0; i < sections; ++i) {
        Elf64_Shdr names;
        if (!section(i, table)) return;
        if (table.sh_type != SHT_SYMTAB && table.sh_type != SHT_DYNSYM) continue;
        if (table.sh_entsize != sizeof(Elf64_Sym) || !section(table.sh_link, names)) continue;
        symbols_ = table.sh_offset;
        count_ = table.sh_size / sizeof(Elf64_Sym);
        names_ = names.sh_offset;
        names_size_ = names.sh_size;
        if (table.sh_type == SHT_SYMTAB) return;
    }
}

std::span<const Elf64_Sym> elf_symbols::read_symbols(
    std::uint64_t first, std::span<Elf64_Sym> room) const noexcept {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), count_ - first));
    if (!read(room.data(), size * sizeof(Elf64_Sym), symbols_ + first * sizeof(Elf64_Sym))) return {};
    return room.first(size);
}

bool elf_symbols::is_function(const Elf64_Sym& symbol) noexcept {
    const unsigned type = ELF64_ST_TYPE(symbol.st_info);
    return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol.st_shndx != SHN_UNDEF;
}

std::string_view elf_symbols::read_name(const function& which, std::span<char> room) const noexcept {
    if (which.name >= names_size_) return {};
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), names_size_ - which.name));
    if (!read(room.data(), size, names_ + which.name)) return {};
    return {room.data(), ::strnlen(room.data(), size)};
}

} // namespace weft
