// SPDX-License-Identifier: BSL-1.0
#include "debug/code_module.hpp"

#include <weft/backend/sys.hpp>

#include <algorithm>
#include <cstring>
#include <span>

namespace weft {
namespace {

std::span<const ElfW(Phdr)> headers_of(const dl_phdr_info& object) noexcept {
    return {object.dlpi_phdr, object.dlpi_phnum};
}

struct module_search {
    std::uintptr_t code;
    code_module& found;

    static int visit(dl_phdr_info* object, std::size_t, void* search) noexcept {
        return static_cast<module_search*>(search)->matches(*object) ? 1 : 0;
    }

    bool matches(const dl_phdr_info& object) noexcept {
        const auto holds_it = [&](const ElfW(Phdr) & part) {
            return part.p_type == PT_LOAD && code - object.dlpi_addr - part.p_vaddr < part.p_memsz;
        };
        const auto headers = headers_of(object);
        if (std::none_of(headers.begin(), headers.end(), holds_it)) return false;
        found.bias = object.dlpi_addr;
        found.path = {};
        std::strncpy(found.path.data(), object.dlpi_name, found.path.size() - 1);
        found.header_count = std::min(headers.size(), found.headers.size());
        std::copy_n(headers.begin(), found.header_count, found.headers.begin());
        return true;
    }
};

bool ends_in_call([[maybe_unused]] const std::array<unsigned char, 8>& code) noexcept {
#if defined(__x86_64__)
    if (code[3] == 0xe8) return true; // call rel32
    for (std::size_t i = 1; i < 7;
        ++i) // call through a register or memory: ff /2, then up to 5 bytes of address
        if (code[i] == 0xff && (code[i + 1] >> 3 & 7) == 2) return true;
    return false;
#elif defined(__aarch64__)
    std::uint32_t instruction;
    std::memcpy(&instruction, &code[4], sizeof instruction);
    return (instruction & 0xfc000000) == 0x94000000 || (instruction & 0xfefff800) == 0xd63f0800 ||
        (instruction & 0xfffffc1f) == 0xd63f0000; // bl, blraa and its like, blr
#else
    return true;
#endif
}

} // namespace

std::string_view code_module::file_name(std::array<char, 1024>& room) const noexcept {
    if (path[0] != '\0') return path.data();
    const long length = sys::read_link("/proc/self/exe", room.data(), room.size());
    if (length <= 0) return "the executable";
    return {room.data(), static_cast<std::size_t>(length)};
}

bool find_module(const void* code, code_module& found) noexcept {
    module_search search{reinterpret_cast<std::uintptr_t>(code), found};
    return ::dl_iterate_phdr(&module_search::visit, &search) != 0;
}

void code_map::refresh() noexcept {
    close();
    size_ = 0;
    modules_ = 0;
    ::dl_iterate_phdr(&code_map::add_object, this);
    memory_ = sys::open_read("/proc/self/mem");
}

void code_map::close() noexcept {
    if (memory_ >= 0) sys::close(memory_);
    memory_ = -1;
}

int code_map::add_object(dl_phdr_info* object, std::size_t, void* self) noexcept {
    code_map& map = *static_cast<code_map*>(self);
    ++map.modules_;
    for (const ElfW(Phdr) & part : headers_of(*object)) {
        if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0 || map.size_ == map.ranges_.size()) continue;
        const std::uintptr_t low = object->dlpi_addr + part.p_vaddr;
        map.ranges_[map.size_++] = {low, low + part.p_memsz, map.modules_};
    }
    return 0;
}

unsigned code_map::module_of(const void* code) const noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(code);
    for (const range& part : std::span(ranges_).first(size_))
        if (at >= part.low && at < part.high) return part.module;
    return 0;
}

// Code is read by the kernel, not by us: it may have been unloaded since the last refresh().
std::array<unsigned char, 4> code_map::bytes_at(const void* code) const noexcept {
    std::array<unsigned char, 4> bytes{};
    if (memory_ >= 0)
        sys::read_at(memory_, bytes.data(), bytes.size(), reinterpret_cast<std::uintptr_t>(code));
    return bytes;
}

// Where there is no /proc any code will do.
bool code_map::follows_call(const void* code) const noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(code);
    if (module_of(reinterpret_cast<const void*>(at - 1)) == 0) return false;
    if (memory_ < 0) return true;
    std::array<unsigned char, 8> before;
    const long got = sys::read_at(memory_, before.data(), before.size(), at - before.size());
    return got == static_cast<long>(before.size()) && ends_in_call(before);
}

bool code_map::keeps_frame_pointers(unsigned module) const noexcept {
    constexpr unsigned executable = 1; // dl_iterate_phdr begins with it
    return module == executable || module == module_of(reinterpret_cast<const void*>(&find_module));
}

} // namespace weft
