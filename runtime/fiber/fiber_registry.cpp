// SPDX-License-Identifier: BSL-1.0
#include "fiber/fiber_registry.hpp"

#include "task/task.hpp"

#include <weft/waiting/race_edges.hpp>

namespace weft {

namespace {

fiber_control* new_slab() {
    const hidden_from_race_detector hidden; // as every waiter
    return new fiber_control[fiber_registry::slab_size];
}

} // namespace

fiber_registry& fiber_registry::instance() {
    static auto* registry =
        new fiber_registry; // never destroyed: fibers may end after static destruction began
    return *registry;
}

fiber_registry::chain fiber_registry::take(std::size_t at_most) {
    const std::lock_guard guard(mutex_);
    if (free_.first == nullptr) {
        slabs_.reserve(slabs_.size() + 1);
        auto* slab = new_slab();
        slabs_.push_back(slab);
        for (std::size_t i = slab_size; i-- > 0;) {
            slab[i].next = free_.first;
            free_.first = &slab[i];
        }
        free_.size = slab_size;
    }
    chain taken{free_.first, 1};
    fiber_control* last = free_.first;
    while (taken.size < at_most && last->next != nullptr) {
        last = last->next;
        ++taken.size;
    }
    free_.first = std::exchange(last->next, nullptr);
    free_.size -= taken.size;
    return taken;
}

void fiber_registry::give_back(chain blocks, fiber_control& last) noexcept {
    const std::lock_guard guard(mutex_);
    last.next = free_.first;
    free_.first = blocks.first;
    free_.size += blocks.size;
}

std::vector<fiber_control*> fiber_registry::slabs() {
    const std::lock_guard guard(mutex_);
    return slabs_;
}

// A reference may be added only to a fiber that lives: life 0 is a free block, and only whoever takes it from the free list
// makes it more; an ended one belongs to its handle [F3].
bool fiber_registry::pin(fiber_control& fiber) noexcept {
    std::uint32_t life = fiber.life.load(std::memory_order_relaxed);
    while (life >= fiber_control::one_reference && (life & fiber_control::ended) == 0)
        if (fiber.life.compare_exchange_weak(life, life + fiber_control::one_reference,
                std::memory_order_acquire, std::memory_order_relaxed))
            return true;
    return false;
}

void fiber_registry::unpin(fiber_control& fiber) noexcept { drop_reference(fiber); }

std::size_t fiber_registry::used() {
    std::size_t count = 0;
    for (const fiber_control* slab : slabs())
        for (std::size_t i = 0; i < slab_size; ++i)
            count += slab[i].life.load(std::memory_order_relaxed) == 0 ? 0 : 1;
    return count;
}

void fiber_cache::refill() { free_ = fiber_registry::instance().take(batch); }

void fiber_cache::spill() noexcept {
    fiber_registry::chain half{free_.first, batch};
    fiber_control* last = free_.first;
    for (std::size_t i = 1; i < batch; ++i) last = last->next;
    free_.first = last->next;
    free_.size -= batch;
    fiber_registry::instance().give_back(half, *last);
}

void fiber_cache::give_back_all() noexcept {
    if (free_.first == nullptr) return;
    fiber_control* last = free_.first;
    while (last->next != nullptr) last = last->next;
    fiber_registry::instance().give_back(std::exchange(free_, {}), *last);
}

} // namespace weft
