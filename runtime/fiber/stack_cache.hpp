// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/stack_pool.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace weft {

// A worker's own stacks of the default class: spawning and ending fibers takes the warmest from here and asks
// the pool only in batches. A batch is half of the array, so that a worker at either end does not go to the
// pool again at the next turn. No lock: the worker's thread alone.
class stack_cache {
public:
    static constexpr std::size_t capacity = 64;
    static constexpr std::size_t batch = capacity / 2;

    explicit stack_cache(stack_pool& pool) noexcept : pool_(pool), default_class_(pool.default_class()) {}
    ~stack_cache() { flush(); }
    stack_cache(const stack_cache&) = delete;
    stack_cache& operator=(const stack_cache&) = delete;

    // Throws as stack_pool::take() does.
    stack_slot take() {
        if (end_ == slots_.data()) end_ += pool_.take_batch({slots_.data(), batch});
        return *--end_;
    }

    // Of any class; those of another than the default go straight to the pool.
    void give_back(stack_slot slot) noexcept {
        if (slot.size_class != default_class_) return pool_.give_back(slot);
        if (end_ == slots_.data() + capacity) make_room();
        *end_++ = slot;
    }

    void flush() noexcept {
        pool_.give_back_batch({slots_.data(), size()});
        end_ = slots_.data();
    }

    std::size_t size() const noexcept { return static_cast<std::size_t>(end_ - slots_.data()); }

private:
    // The coldest go.
    void make_room() noexcept {
        pool_.give_back_batch({slots_.data(), batch});
        end_ = std::copy(slots_.begin() + batch, slots_.end(), slots_.data());
    }

    stack_pool& pool_;
    const std::uint8_t default_class_;
    std::array<stack_slot, capacity> slots_;
    stack_slot* end_ = slots_.data();
};

} // namespace weft
