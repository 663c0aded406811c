// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/stack_slot.hpp"

#include <atomic>
#include <cstddef>
#include <memory>

namespace weft {

// One reservation of address space, cut into slots of one class from its lower end on. It is opened in
// pieces, so that strict overcommit counts and core dumps show only what is in use. Its destructor unmaps it.
//
// Who: find(), any thread and any signal handler; the rest, the holder of the pool's carving lock.
// [R1] cut_ is relaxed: find() reads nothing through it, and who asks for an address on a stack got that
// stack by a lock.
class stack_region {
public:
    // Takes half as many slots, and again, until the address space has room; nullptr: it has none for a
    // single one.
    static std::unique_ptr<stack_region> reserve(
        std::uint8_t size_class, const stack_class& sizes, std::size_t slots, const stack_region* older);
    ~stack_region();
    stack_region(const stack_region&) = delete;
    stack_region& operator=(const stack_region&) = delete;

    std::size_t bytes() const noexcept { return slots_ * sizes_.stride(); }
    std::size_t uncut() const noexcept { return slots_ - cut_.load(std::memory_order_relaxed); }
    stack_slot next(std::size_t ahead) const noexcept {
        return slot_at(cut_.load(std::memory_order_relaxed) + ahead);
    }
    void cut(std::size_t count) noexcept { cut_.fetch_add(count, std::memory_order_relaxed); }
    // Gives access to the next `count` slots, guards included; to how many of them it could.
    std::size_t open(std::size_t count) noexcept;
    // Leaves the memory mapped for ever.
    void abandon() noexcept { base_ = nullptr; }

    stack_slot find(const void* address) const noexcept;
    const stack_region* older() const noexcept { return older_; }

private:
    stack_region(std::byte* base, std::uint8_t size_class, const stack_class& sizes, std::size_t slots,
        const stack_region* older) noexcept;
    stack_slot slot_at(std::size_t index) const noexcept;

    std::byte* base_;
    const stack_class sizes_;
    const std::size_t slots_;
    const stack_region* const older_;
    const std::uint8_t size_class_;
    std::size_t opened_ = 0;
    std::atomic<std::size_t> cut_{0};
};

} // namespace weft
