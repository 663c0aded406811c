// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/stack_slot.hpp"

#include <cstddef>
#include <span>

namespace weft {

// marker: MADV_GUARD_INSTALL puts a mark into the page tables; no mapping is split, any number of stacks.
// closed: the guard is left without access; splits mappings, two a stack, of which vm.max_map_count allows
// 65530.
enum class guard_kind : unsigned char { marker, closed };

// Makes fresh slots usable, each with a guard or not at all. One thread at a time (the pool's carving lock),
// but for kind().
class stack_guards {
public:
    struct config {
        bool force_closed = false;
        std::size_t max_map_count = 0; // 0: the system's
    };
    explicit stack_guards(config) noexcept;
    ~stack_guards();
    stack_guards(const stack_guards&) = delete;
    stack_guards& operator=(const stack_guards&) = delete;

    guard_kind kind() const noexcept { return kind_; }
    std::size_t max_map_count() const noexcept { return max_map_count_; }

    struct outcome {
        std::size_t ready; // so many of the first are accessible and guarded
        bool out_of_mappings;
    };
    // marker: the slots are accessible together with their guards. closed: neither is.
    outcome prepare(std::span<const stack_slot> fresh, std::size_t guard_size) noexcept;

private:
    std::size_t mark(std::span<const stack_slot> fresh, std::size_t guard_size) const noexcept;
    bool charge_mappings() noexcept;
    void refund_mappings(std::size_t count) noexcept;

    const guard_kind kind_;
    const std::size_t max_map_count_;
    std::size_t charged_ = 0;
};

} // namespace weft
