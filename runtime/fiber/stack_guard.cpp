// SPDX-License-Identifier: BSL-1.0
#include "fiber/stack_guard.hpp"

#include "fiber/stack_limits.hpp"

#include <weft/backend/sys.hpp>

#include <array>
#include <atomic>

namespace weft {
namespace {

// Of all pools, since the limit is the process's. Relaxed: a count that nothing is read by.
std::atomic<std::size_t> mappings_of_guards{0};

constexpr std::size_t mappings_a_stack = 2;
// So many of the allowed mappings are left to the rest of the process: its heap and libraries need some, and
// malloc without any fails. One in 16 is a guess.
constexpr std::size_t share_left = 16;

// That madvise() says 0 proves nothing: qemu-user 7.2 says so and does nothing.
bool markers_guard() noexcept {
    const std::size_t page = sys::page_size();
    void* at = sys::map_reserve(page);
    if (at == nullptr) return false;
    const bool guards =
        sys::map_open(at, page) == 0 && sys::guard_install(at, page) == 0 && sys::guard_works(at);
    sys::unmap(at, page);
    return guards;
}

} // namespace

stack_guards::stack_guards(config wanted) noexcept
    : kind_(!wanted.force_closed && markers_guard() ? guard_kind::marker : guard_kind::closed),
      max_map_count_(wanted.max_map_count != 0 ? wanted.max_map_count : weft::max_map_count()) {}

stack_guards::~stack_guards() { refund_mappings(charged_); }

stack_guards::outcome stack_guards::prepare(
    std::span<const stack_slot> fresh, std::size_t guard_size) noexcept {
    std::size_t ready = kind_ == guard_kind::marker ? mark(fresh, guard_size) : 0;
    for (; ready < fresh.size(); ++ready) {
        // A pool of marks comes here once the process has called mlockall(): they are refused from then on.
        if (!charge_mappings()) return {ready, true};
        const stack_slot& slot = fresh[ready];
        const int result = kind_ == guard_kind::closed
            ? sys::map_open(slot.low, slot.extent())
            : sys::map_close_access(slot.low - guard_size, guard_size);
        if (result != 0) {
            refund_mappings(mappings_a_stack);
            return {ready, false};
        }
    }
    return {ready, false};
}

// How many of the first now have a mark.
std::size_t stack_guards::mark(std::span<const stack_slot> fresh, std::size_t guard_size) const noexcept {
    std::size_t marked = 0;
    while (marked < fresh.size()) {
        std::array<iovec, 32> ranges;
        const std::size_t count = std::min(ranges.size(), fresh.size() - marked);
        for (std::size_t i = 0; i < count; ++i) ranges[i] = {fresh[marked + i].low - guard_size, guard_size};
        const long bytes = sys::guard_install_each(ranges.data(), count);
        if (bytes > 0) {
            marked += static_cast<std::size_t>(bytes) / guard_size;
            continue;
        }
        // Linux 6.13 has the mark, but not yet for many at once.
        if (sys::guard_install(ranges[0].iov_base, guard_size) != 0) return marked;
        ++marked;
    }
    return marked;
}

bool stack_guards::charge_mappings() noexcept {
    const std::size_t allowed = max_map_count_ - max_map_count_ / share_left;
    charged_ += mappings_a_stack;
    if (mappings_of_guards.fetch_add(mappings_a_stack, std::memory_order_relaxed) + mappings_a_stack <=
        allowed)
        return true;
    refund_mappings(mappings_a_stack);
    return false;
}

void stack_guards::refund_mappings(std::size_t count) noexcept {
    charged_ -= count;
    mappings_of_guards.fetch_sub(count, std::memory_order_relaxed);
}

} // namespace weft
