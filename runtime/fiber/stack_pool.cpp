// SPDX-License-Identifier: BSL-1.0
#include "fiber/stack_pool.hpp"

#include "fiber/stack_limits.hpp"

#include <weft/backend/sys.hpp>

#include <algorithm>
#include <utility>

#include <sys/resource.h>

namespace weft {
namespace {

constexpr std::size_t default_stack_size = 256 << 10;
constexpr std::size_t first_reservation = std::size_t{1} << 30;
// How many small stacks one take() cuts ahead, since guards are cheaper by the dozen.
constexpr std::size_t cut_ahead = 8;
constexpr std::size_t cut_ahead_up_to = 1 << 20;
// Few, since whoever wants one of them meanwhile waits; each takes 0.4 us and 0.1 us a page.
constexpr std::size_t discard_at_once = 32;

std::uint8_t class_for(std::size_t bytes) {
    if (bytes > stack_class::largest) throw no_stack(bytes, stack_obstacle::too_large, bytes);
    return stack_class::index_of(bytes);
}

void discard(std::span<const stack_slot> stacks) noexcept {
    std::array<iovec, discard_at_once> ranges;
    for (std::size_t i = 0; i < stacks.size(); ++i) ranges[i] = {stacks[i].low, stacks[i].extent()};
    const long bytes = sys::discard_pages_each(ranges.data(), stacks.size());
    // Where the call is missing, one by one; a range may then be discarded twice.
    if (bytes < 0 || static_cast<std::size_t>(bytes) != stacks.size() * stacks.front().extent())
        for (const stack_slot& stack : stacks) sys::discard_pages(stack.low, stack.extent());
}

} // namespace

stack_pool::stack_pool(config wanted)
    : guards_({.force_closed = wanted.force_mprotect, .max_map_count = wanted.max_map_count}),
      default_class_(class_for(wanted.default_size != 0 ? wanted.default_size : default_stack_size)) {
    for (std::size_t i = 0; i < classes_.size(); ++i)
        classes_[i].sizes = stack_class::of(static_cast<std::uint8_t>(i), sys::page_size());
}

stack_pool::~stack_pool() {
    const statistics left = stats();
    if (left.free == left.cut) return;
    for (const auto& region : regions_) region->abandon();
}

stack_slot stack_pool::take(std::size_t usable_bytes) {
    const std::uint8_t size_class = usable_bytes != 0 ? class_for(usable_bytes) : default_class_;
    std::array<stack_slot, cut_ahead> stacks;
    const std::span some(stacks);
    if (reuse(size_class, some.first(1)) == 0) {
        const bool small = classes_[size_class].sizes.body <= cut_ahead_up_to;
        const std::size_t count = carve(size_class, some.first(small ? cut_ahead : 1));
        give_back_batch(some.subspan(1, count - 1));
    }
    return stacks[0];
}

std::size_t stack_pool::take_batch(std::span<stack_slot> to) {
    const std::size_t count = reuse(default_class_, to);
    return count != 0 ? count : carve(default_class_, to);
}

void stack_pool::give_back(stack_slot slot) noexcept { give_back_batch({&slot, 1}); }

void stack_pool::give_back_batch(std::span<const stack_slot> slots) noexcept {
    if (slots.empty()) return;
    const std::lock_guard lock(shelves_lock_);
    shelves_[slots.front().size_class].push(slots);
}

std::size_t stack_pool::reuse(std::uint8_t size_class, std::span<stack_slot> to) noexcept {
    stack_shelf& shelf = shelves_[size_class];
    std::unique_lock lock(shelves_lock_);
    for (;;) {
        if (const std::size_t count = shelf.pop(to); count != 0 || !shelf.discarding()) return count;
        discarded_.wait(lock);
    }
}

std::size_t stack_pool::carve(std::uint8_t size_class, std::span<stack_slot> to) {
    const std::lock_guard lock(carving_);
    class_state& state = classes_[size_class];
    const stack_class& sizes = state.sizes;
    stack_region& region = region_with_room(size_class);
    std::size_t count = std::min(to.size(), region.uncut());
    {
        const std::lock_guard shelves(shelves_lock_);
        shelves_[size_class].grow(state.cut + count);
    }
    if (guards_.kind() == guard_kind::marker) count = region.open(count);
    if (count == 0) throw no_stack(sizes.body, stack_obstacle::no_memory, sizes.stride());

    for (std::size_t i = 0; i < count; ++i) to[i] = region.next(i);
    const auto [ready, out_of_mappings] = guards_.prepare(to.first(count), sizes.guard);
    if (ready == 0) {
        if (out_of_mappings) throw no_stack(sizes.body, stack_obstacle::no_mappings, guards_.max_map_count());
        throw no_stack(sizes.body, stack_obstacle::no_memory, sizes.stride());
    }
    region.cut(ready);
    state.cut += ready;
    return ready;
}

stack_region& stack_pool::region_with_room(std::uint8_t size_class) {
    class_state& state = classes_[size_class];
    if (state.region != nullptr && state.region->uncut() > 0) return *state.region;
    // Doubled each time, so that find() has few to look through; little at first where the address space is
    // limited, since the heap needs it too.
    const std::size_t first = std::min<std::size_t>(first_reservation, sys::resource_limit(RLIMIT_AS) / 16);
    const std::size_t bytes = std::max(first, state.reserved_bytes);
    const std::size_t slots = std::max<std::size_t>(1, bytes / state.sizes.stride());
    regions_.reserve(regions_.size() + 1);
    auto region =
        stack_region::reserve(size_class, state.sizes, slots, newest_.load(std::memory_order_relaxed));
    if (region == nullptr)
        throw no_stack(state.sizes.body, stack_obstacle::no_address_space, state.sizes.stride());
    state.region = region.get();
    state.reserved_bytes += region->bytes();
    newest_.store(region.get(), std::memory_order_release); // [P1]
    regions_.push_back(std::move(region));
    return *state.region;
}

void stack_pool::trim() noexcept {
    std::array<stack_slot, discard_at_once> idle;
    std::unique_lock lock(shelves_lock_);
    if (std::exchange(trimming_, true)) return;
    for (stack_shelf& shelf : shelves_) {
        while (const std::size_t count = shelf.begin_discard(idle)) {
            lock.unlock();
            discard({idle.data(), count});
            lock.lock();
            shelf.end_discard();
            discarded_.notify_all();
        }
        shelf.begin_period();
    }
    trimming_ = false;
}

stack_slot stack_pool::find(const void* address) const noexcept {
    const stack_region* region = newest_.load(std::memory_order_acquire); // [P1]
    for (; region != nullptr; region = region->older()) {
        if (const stack_slot slot = region->find(address)) return slot;
    }
    return {};
}

stack_pool::statistics stack_pool::stats() const noexcept {
    const std::scoped_lock lock(carving_, shelves_lock_);
    statistics sum;
    for (const class_state& state : classes_) {
        sum.cut += state.cut;
        sum.reserved_bytes += state.reserved_bytes;
    }
    for (const stack_shelf& shelf : shelves_) sum.free += shelf.size();
    return sum;
}

} // namespace weft
