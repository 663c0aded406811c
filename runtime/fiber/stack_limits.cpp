// SPDX-License-Identifier: BSL-1.0
#include "fiber/stack_limits.hpp"

#include "fiber/stack_slot.hpp"

#include <weft/backend/sys.hpp>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/resource.h>

namespace weft {
namespace {

struct text {
    char at[160];
};

struct short_text {
    char at[32];
};

short_text size_words(std::size_t bytes) noexcept {
    short_text words;
    const char* const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    for (; unit < 4 && bytes >= 1024 && bytes % 1024 == 0; ++unit) bytes /= 1024;
    std::snprintf(words.at, sizeof words.at, "%zu %s", bytes, units[unit]);
    return words;
}

// The number after `key` in a file of /proc, or after nothing at its beginning; 0: not there.
std::uint64_t number_in(const char* path, const char* key = "") noexcept {
    char contents[4096];
    const long size = sys::read_file(path, contents, sizeof contents - 1);
    if (size <= 0) return 0;
    contents[size] = '\0';
    const char* found = std::strstr(contents, key);
    return found != nullptr ? std::strtoull(found + std::strlen(key), nullptr, 10) : 0;
}

struct mapped_pages {
    std::uint64_t all = 0;
    std::uint64_t data = 0;
};
mapped_pages pages_of_process() noexcept {
    char contents[256];
    const long size = sys::read_file("/proc/self/statm", contents, sizeof contents - 1);
    mapped_pages pages;
    if (size <= 0) return pages;
    contents[size] = '\0';
    std::sscanf(contents, "%" SCNu64 " %*u %*u %*u %*u %" SCNu64, &pages.all, &pages.data);
    return pages;
}

bool exceeds(std::uint64_t limit, std::uint64_t pages, std::size_t more) noexcept {
    return limit != sys::no_limit && pages * sys::page_size() + more > limit;
}

text why_refused(bool reserving, std::size_t needed) noexcept {
    text words;
    const auto say = [&words](const char* form, auto... values) {
        std::snprintf(words.at, sizeof words.at, form, values...);
        return words;
    };
    const mapped_pages pages = pages_of_process();
    const std::uint64_t address_space = sys::resource_limit(RLIMIT_AS);
    const std::uint64_t data = sys::resource_limit(RLIMIT_DATA);
    if (reserving && exceeds(address_space, pages.all, needed))
        return say("RLIMIT_AS is %" PRIu64 " bytes (ulimit -v)", address_space);
    if (!reserving && exceeds(data, pages.data, needed))
        return say("RLIMIT_DATA is %" PRIu64 " bytes (ulimit -d)", data);
    if (!reserving && number_in("/proc/sys/vm/overcommit_memory") == 2)
        return say("vm.overcommit_memory is 2 and the commit limit is %" PRIu64 " KiB",
            number_in("/proc/meminfo", "CommitLimit:"));
    return say(
        "the system has no more memory or vm.max_map_count, which is %zu, is reached", max_map_count());
}

} // namespace

std::size_t max_map_count() noexcept {
    constexpr std::size_t default_of_linux = 65530;
    const std::uint64_t count = number_in("/proc/sys/vm/max_map_count");
    return count != 0 ? count : default_of_linux;
}

stack_unavailable no_stack(std::size_t size, stack_obstacle obstacle, std::size_t needed) noexcept {
    text why;
    switch (obstacle) {
    case stack_obstacle::too_large:
        std::snprintf(why.at, sizeof why.at, "the largest is %s", size_words(stack_class::largest).at);
        break;
    case stack_obstacle::no_address_space: why = why_refused(true, needed); break;
    case stack_obstacle::no_memory: why = why_refused(false, needed); break;
    case stack_obstacle::no_mappings:
        std::snprintf(why.at, sizeof why.at,
            "vm.max_map_count is %zu, and each stack takes two mappings, as MADV_GUARD_INSTALL (Linux 6.13) "
            "does not "
            "work here",
            needed);
        break;
    }
    char words[240];
    std::snprintf(words, sizeof words, "no fiber stack of %s: %s", size_words(size).at, why.at);
    return stack_unavailable(words);
}

} // namespace weft
