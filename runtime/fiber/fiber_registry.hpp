// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/fiber_control.hpp"

#include <cstddef>
#include <mutex>
#include <vector>

namespace weft {

// All control blocks of the process, in slabs that are never freed: handles may outlive their runtime, and
// late wakers and dumps may look at a block at any time. Any thread.
class fiber_registry {
public:
    static constexpr std::size_t slab_size = 256;

    static fiber_registry& instance();

    // A chain of free blocks, linked by `next`; makes a slab if there is none. Throws std::bad_alloc.
    struct chain {
        fiber_control* first = nullptr;
        std::size_t size = 0;
    };
    chain take(std::size_t at_most);
    void give_back(chain blocks, fiber_control& last) noexcept;

    // Calls visit(fiber) for each living fiber, holding a reference to it meanwhile. Fibers born or ended
    // meanwhile may be missed or seen. Never blocks for long.
    template <class Visitor>
    void for_each(Visitor visit) {
        for (fiber_control* slab : slabs())
            for (std::size_t i = 0; i < slab_size; ++i)
                if (pin(slab[i])) {
                    visit(slab[i]);
                    unpin(slab[i]);
                }
    }

    // Blocks that nobody has given back, those of ended fibers with a living handle included.
    std::size_t used();

    static bool pin(fiber_control& fiber) noexcept;
    static void unpin(fiber_control& fiber) noexcept;

private:
    std::vector<fiber_control*> slabs();

    std::mutex mutex_;
    std::vector<fiber_control*> slabs_;
    chain free_;
};

// A worker's own free blocks; no lock.
class fiber_cache {
public:
    fiber_cache() = default;
    ~fiber_cache() { give_back_all(); }
    fiber_cache(const fiber_cache&) = delete;
    fiber_cache& operator=(const fiber_cache&) = delete;

    fiber_control& take() {
        if (free_.first == nullptr) refill();
        fiber_control& fiber = *free_.first;
        free_.first = fiber.next;
        --free_.size;
        return fiber;
    }
    void give_back(fiber_control& fiber) noexcept {
        fiber.next = free_.first;
        free_.first = &fiber;
        if (++free_.size >= 2 * batch) spill();
    }
    void give_back_all() noexcept;

private:
    static constexpr std::size_t batch = 64;

    void refill();
    void spill() noexcept;

    fiber_registry::chain free_;
};

} // namespace weft
