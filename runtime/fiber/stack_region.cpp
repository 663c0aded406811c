// SPDX-License-Identifier: BSL-1.0
#include "fiber/stack_region.hpp"

#include <weft/backend/sys.hpp>

namespace weft {
namespace {

constexpr std::size_t piece_to_open = std::size_t{64} << 20;

} // namespace

std::unique_ptr<stack_region> stack_region::reserve(
    std::uint8_t size_class, const stack_class& sizes, std::size_t slots, const stack_region* older) {
    std::unique_ptr<stack_region> region;
    for (; slots > 0 && region == nullptr; slots /= 2) {
        void* base = sys::map_reserve(slots * sizes.stride());
        if (base == nullptr) continue;
        // A huge page would make 2 MiB resident where a parked fiber touches 4 KiB. Refused by kernels that
        // have none.
        sys::no_huge_pages(base, slots * sizes.stride());
        try {
            region.reset(new stack_region(static_cast<std::byte*>(base), size_class, sizes, slots, older));
        } catch (...) {
            sys::unmap(base, slots * sizes.stride());
            throw;
        }
    }
    return region;
}

stack_region::stack_region(std::byte* base, std::uint8_t size_class, const stack_class& sizes,
    std::size_t slots, const stack_region* older) noexcept
    : base_(base),
      sizes_(sizes),
      slots_(slots),
      older_(older),
      size_class_(size_class) {}

stack_region::~stack_region() {
    if (base_ != nullptr) sys::unmap(base_, bytes());
}

std::size_t stack_region::open(std::size_t count) noexcept {
    const std::size_t cut = cut_.load(std::memory_order_relaxed);
    const std::size_t wanted = cut + count;
    while (opened_ < wanted) {
        std::size_t more =
            std::min(slots_ - opened_, std::max(wanted - opened_, piece_to_open / sizes_.stride()));
        while (more > 0 && sys::map_open(base_ + opened_ * sizes_.stride(), more * sizes_.stride()) != 0)
            more /= 2;
        if (more == 0) break;
        opened_ += more;
    }
    return std::min(opened_ - cut, count);
}

stack_slot stack_region::slot_at(std::size_t index) const noexcept {
    stack_slot slot;
    slot.low = base_ + index * sizes_.stride() + sizes_.guard;
    slot.units = static_cast<std::uint32_t>((sizes_.body + sizes_.headroom) / stack_slot::unit);
    slot.size_class = size_class_;
    slot.colour = static_cast<std::uint16_t>(index % stack_slot::colours);
    return slot;
}

stack_slot stack_region::find(const void* address) const noexcept {
    const auto distance = reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(base_);
    const std::size_t index = distance / sizes_.stride();
    return index < cut_.load(std::memory_order_relaxed) ? slot_at(index) : stack_slot{};
}

} // namespace weft
