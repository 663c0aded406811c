// SPDX-License-Identifier: BSL-1.0
#include "debug/code_module.hpp"
#include "debug/frame_chain.hpp"
#include "debug/thread_capture.hpp"

#include <weft/backend/sys.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <new>
#include <string_view>

// What /proc tells of a thread, which goes on meanwhile. A trace is believed if the thread stood at the same
// place of the same system call before and after its stack was copied; that it went round in a loop between
// the two is possible, and harmless.
namespace weft {
namespace {

class proc_file {
public:
    proc_file(int tid, const char* name) noexcept {
        std::array<char, 64> path;
        std::snprintf(path.data(), path.size(), "/proc/self/task/%d/%s", tid, name);
        const int descriptor = sys::open_read(path.data());
        if (descriptor < 0) return;
        size_ = std::max(0L, sys::read_at(descriptor, text_.data(), text_.size(), 0));
        sys::close(descriptor);
    }
    std::string_view text() const noexcept { return {text_.data(), static_cast<std::size_t>(size_)}; }

private:
    std::array<char, 512> text_;
    long size_ = 0;
};

std::uintptr_t hexadecimal(std::string_view word) noexcept {
    std::uintptr_t value = 0;
    if (word.starts_with("0x")) std::from_chars(word.data() + 2, word.data() + word.size(), value, 16);
    return value;
}

// The line ends in "SP PC"; it begins with the number of the call, or -1, or is "running".
registers registers_in(std::string_view line) noexcept {
    if (line.empty() || line.front() < '0' || line.front() > '9') return {};
    while (line.ends_with('\n')) line.remove_suffix(1);
    const std::size_t pc = line.rfind(' ');
    const std::size_t sp = line.rfind(' ', pc - 1);
    return {reinterpret_cast<void*>(hexadecimal(line.substr(pc + 1))), nullptr,
        reinterpret_cast<void*>(hexadecimal(line.substr(sp + 1, pc - sp - 1)))};
}

// By the kernel, since the owner may unmap it at any time.
std::size_t copy_memory(std::byte* to, const std::byte* from, std::size_t size) noexcept {
    const int memory = sys::open_read("/proc/self/mem");
    if (memory < 0) return 0;
    const long copied = sys::read_at(memory, to, size, reinterpret_cast<std::uintptr_t>(from));
    sys::close(memory);
    return static_cast<std::size_t>(std::max(0L, copied));
}

} // namespace

char thread_run_state(int tid) noexcept {
    const proc_file stat(tid, "stat");
    const std::size_t name_end = stat.text().rfind(") "); // the name may have brackets of its own
    const std::size_t state = name_end + 2;
    return name_end == std::string_view::npos || state >= stat.text().size() ? '\0' : stat.text()[state];
}

std::optional<stack_trace> peek_blocked_thread(
    int tid, const std::byte* low, const std::byte* high) noexcept {
    constexpr std::size_t most_to_copy = 1 << 20;
    const proc_file before(tid, "syscall");
    const registers stopped = registers_in(before.text());
    if (stopped.pc == nullptr) return std::nullopt;

    stack_view view{low, low};
    std::unique_ptr<std::byte[]> copy;
    if (stack_view{low, high}.has_words(stopped.sp, 1)) {
        const auto* const sp = static_cast<const std::byte*>(stopped.sp);
        const std::size_t size = std::min(static_cast<std::size_t>(high - sp), most_to_copy);
        copy.reset(new (std::nothrow) std::byte[size]);
        if (!copy) return std::nullopt;
        view = {sp, sp + copy_memory(copy.get(), sp, size), copy.get() - sp};
    }
    if (proc_file(tid, "syscall").text() != before.text()) return std::nullopt;

    code_map code;
    code.refresh();
    return trace_stopped(stopped, view, code);
}

} // namespace weft
