// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <link.h>

namespace weft {

// The executable or shared object that some code belongs to. All of it is a copy: the object may be unloaded
// meanwhile.
struct code_module {
    std::uintptr_t bias = 0;       // an address less the bias is what the file's tables and addr2line call it
    std::array<char, 1024> path{}; // empty for the executable; what is longer is cut and finds no file
    std::array<ElfW(Phdr), 16>
        headers{}; // tell whether the file of that name is still the one that was loaded
    std::size_t header_count = 0;

    // The path of its file, made in `room`; never empty.
    std::string_view file_name(std::array<char, 1024>& room) const noexcept;
};

// Takes the dynamic linker's lock. Allocates nothing.
bool find_module(const void* code, code_module&) noexcept;

// Where the code of this process lies, as of the last refresh().
class code_map {
public:
    code_map() noexcept = default;
    ~code_map() { close(); }
    code_map(const code_map&) = delete;
    code_map& operator=(const code_map&) = delete;

    // Takes the dynamic linker's lock. Allocates nothing.
    void refresh() noexcept;
    void close() noexcept;

    // The rest is async-signal-safe.
    // 0: no code; else the same number for all code of one executable or shared object.
    unsigned module_of(const void* code) const noexcept;
    std::array<unsigned char, 4> bytes_at(const void* code) const noexcept; // zeros where they cannot be read
    // Does a call instruction end there? Such is every return address, and hardly any other word that lies on
    // a stack.
    bool follows_call(const void* code) const noexcept;
    // The executable and weft itself are compiled with frame pointers, as pkg-config demands; what else is so
    // is unknown.
    bool keeps_frame_pointers(unsigned module) const noexcept;

private:
    struct range {
        std::uintptr_t low;
        std::uintptr_t high;
        unsigned module;
    };
    static int add_object(dl_phdr_info*, std::size_t, void* self) noexcept;

    std::array<range, 256> ranges_; // further ones count as no code
    std::size_t size_ = 0;
    unsigned modules_ = 0;
    int memory_ = -1;
};

} // namespace weft
