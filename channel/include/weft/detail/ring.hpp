// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>

namespace weft::detail {

// The values in a bounded channel. Not thread-safe; pushes and pops are balanced by the channel, which counts.
template <class T>
class ring {
public:
    explicit ring(std::size_t capacity) : capacity_(capacity) {
        if (capacity > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(T))
            throw std::length_error("weft::channel: a capacity of " + std::to_string(capacity) +
                " values of " + std::to_string(sizeof(T)) + " bytes is more than memory can hold");
        if (capacity != 0) slots_ = std::allocator<T>().allocate(capacity);
    }
    ~ring() {
        if (slots_ != nullptr) std::allocator<T>().deallocate(slots_, capacity_);
    }
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;

    // Where the next value is to be built; pushed() makes it one.
    T* back() noexcept { return slots_ + back_; }
    void pushed() noexcept { back_ = after(back_); }
    T* front() noexcept { return slots_ + front_; }
    void popped() noexcept { front_ = after(front_); } // once it is destroyed

private:
    std::size_t after(std::size_t at) const noexcept { return at + 1 == capacity_ ? 0 : at + 1; }

    const std::size_t capacity_;
    T* slots_ = nullptr;
    std::size_t front_ = 0;
    std::size_t back_ = 0;
};

} // namespace weft::detail
