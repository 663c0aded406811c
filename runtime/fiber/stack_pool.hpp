// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/stack_guard.hpp"
#include "fiber/stack_region.hpp"
#include "fiber/stack_shelf.hpp"
#include "fiber/stack_slot.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace weft {

// The stacks of a runtime. A stack is cut from a reservation once, gets its guard then, and is reused until
// the pool ends; a free one costs address space and page tables, and, unless it was idle for a period of
// trim(), the pages it touched.
//
// Who: any thread; find() from any signal handler too. Spawning goes through a worker's stack_cache.
//
// Locks: carving_ (reservations and guards; held over system calls), then shelves_lock_ (the free lists; held
// over none).
//
// A stack is in exactly one place: on its class's shelf, in a cache, or with whoever took it.
//
// Order: [P1] newest_, release on publishing a region and acquire in find(): the region's constant members.
//
// Rejected: guards outside the lock. Cutting takes 0.5 us a stack, 2 million a second for all workers, and
// every first touch of such a stack costs three times as much; in return a failure leaves nothing behind that
// must be remembered.
class stack_pool {
public:
    struct config {
        std::size_t default_size = 0;  // usable bytes; 0: 256 KiB
        bool force_mprotect = false;   // guards of the kind closed, for tests
        std::size_t max_map_count = 0; // for tests; 0: the system's
    };
    explicit stack_pool(config); // throws stack_unavailable if default_size is beyond the largest class
    // Stacks that are not back keep all memory mapped, since somebody may still run on them.
    ~stack_pool();
    stack_pool(const stack_pool&) = delete;
    stack_pool& operator=(const stack_pool&) = delete;

    // At least so many usable bytes, even below a control block of 3 KiB; 0: the default. Throws
    // stack_unavailable, or std::bad_alloc where the heap is exhausted, and changes nothing then.
    stack_slot take(std::size_t usable_bytes);
    void give_back(stack_slot) noexcept;

    // Of the default class; at least one, the warmest last; how many. Throws as take() does.
    std::size_t take_batch(std::span<stack_slot> to);
    // Of one class.
    void give_back_batch(std::span<const stack_slot>) noexcept;

    // Ends a period: what was free during all of it gives its pages back.
    void trim() noexcept;

    // The stack that holds this address, or whose guard does (address < low); an empty slot: none.
    stack_slot find(const void* address) const noexcept;

    std::uint8_t default_class() const noexcept { return default_class_; }
    guard_kind guards() const noexcept { return guards_.kind(); }

    struct statistics {
        std::size_t cut = 0;  // stacks made so far
        std::size_t free = 0; // of them, those in the pool
        std::size_t reserved_bytes = 0;
    };
    statistics stats() const noexcept;

private:
    std::size_t reuse(std::uint8_t size_class, std::span<stack_slot> to) noexcept;
    std::size_t carve(std::uint8_t size_class, std::span<stack_slot> to);
    stack_region& region_with_room(std::uint8_t size_class);

    struct class_state {
        stack_class sizes{};
        stack_region* region = nullptr; // the one that is being cut
        std::size_t reserved_bytes = 0;
        std::size_t cut = 0;
    };

    mutable std::mutex carving_;
    stack_guards guards_;
    std::array<class_state, stack_class::count> classes_;
    std::vector<std::unique_ptr<stack_region>> regions_;
    std::atomic<const stack_region*> newest_{nullptr};
    const std::uint8_t default_class_;

    mutable std::mutex shelves_lock_;
    std::condition_variable discarded_;
    bool trimming_ = false;
    std::array<stack_shelf, stack_class::count> shelves_;
};

} // namespace weft
