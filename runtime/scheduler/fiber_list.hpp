// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/fiber_control.hpp"

#include <cstddef>
#include <utility>

namespace weft {

// Fibers linked by their `next`, first in first out. Not thread-safe.
class fiber_list {
public:
    bool empty() const noexcept { return first_ == nullptr; }
    std::size_t size() const noexcept { return size_; }
    void push(fiber_control& fiber) noexcept {
        fiber.next = nullptr;
        (first_ == nullptr ? first_ : last_->next) = &fiber;
        last_ = &fiber;
        ++size_;
    }
    fiber_control* pop() noexcept {
        fiber_control* fiber = first_;
        if (fiber == nullptr) return nullptr;
        first_ = fiber->next;
        --size_;
        return fiber;
    }
    void append(fiber_list other) noexcept {
        if (other.first_ == nullptr) return;
        (first_ == nullptr ? first_ : last_->next) = other.first_;
        last_ = other.last_;
        size_ += other.size_;
    }
    // The first `count` fibers, or all.
    fiber_list take(std::size_t count) noexcept {
        if (count >= size_) return std::exchange(*this, {});
        fiber_list taken;
        for (; count > 0; --count) taken.push(*pop());
        return taken;
    }

private:
    fiber_control* first_ = nullptr;
    fiber_control* last_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace weft
