// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace weft::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
inline constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool sanitized = false;
#endif

// Asks the kernel whether a byte can be read, without dying of it.
class memory_probe {
public:
    memory_probe() {
        if (::pipe2(ends_, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    }
    ~memory_probe() {
        ::close(ends_[0]);
        ::close(ends_[1]);
    }
    memory_probe(const memory_probe&) = delete;
    memory_probe& operator=(const memory_probe&) = delete;

    bool readable(const std::byte* at) {
        if (::write(ends_[1], at, 1) < 0) {
            if (errno != EFAULT) throw std::runtime_error("a pipe that takes no byte");
            return false;
        }
        char byte;
        return ::read(ends_[0], &byte, 1) == 1;
    }

private:
    int ends_[2];
};

inline std::size_t page_size() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

inline bool mapped(std::byte* at) {
    auto* page = at - reinterpret_cast<std::uintptr_t>(at) % page_size();
    unsigned char resident = 0;
    return ::mincore(page, page_size(), &resident) == 0;
}

inline std::size_t resident_pages(std::byte* from, std::size_t bytes) {
    std::vector<unsigned char> pages(bytes / page_size());
    if (::mincore(from, bytes, pages.data()) != 0) throw std::runtime_error("not mapped");
    std::size_t count = 0;
    for (const unsigned char page : pages) count += page & 1;
    return count;
}

} // namespace weft::testing
