// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace weft::detail {

// The values in an unbounded channel: blocks, allocated as it grows and freed as it is drained; one empty block is kept, so
// that a channel which is filled and drained in turn does not allocate each time. Not thread-safe.
template <class T>
class block_list {
public:
    block_list() = default;
    ~block_list() {
        while (first_ != nullptr) delete std::exchange(first_, first_->next);
        delete spare_;
    }
    block_list(const block_list&) = delete;
    block_list& operator=(const block_list&) = delete;

    // Where the next value is to be built; pushed() makes it one. Throws std::bad_alloc.
    T* back() {
        if (last_ == nullptr || back_ == block_size) grow();
        return last_->slots() + back_;
    }
    void pushed() noexcept { ++back_; }
    T* front() noexcept { return first_->slots() + front_; }
    void popped() noexcept { // once it is destroyed
        ++front_;
        if (first_ == last_ && front_ == back_) {
            front_ = back_ = 0;
        } else if (front_ == block_size) {
            front_ = 0;
            keep_or_free(std::exchange(first_, first_->next));
        }
    }

private:
    static constexpr std::size_t block_size = sizeof(T) >= 128 ? 8 : 1024 / sizeof(T);

    struct block {
        T* slots() noexcept { return reinterpret_cast<T*>(memory); }
        block* next = nullptr;
        alignas(T) std::byte memory[block_size * sizeof(T)];
    };

    void grow() {
        block* fresh = spare_ != nullptr ? std::exchange(spare_, nullptr) : new block;
        fresh->next = nullptr;
        (last_ == nullptr ? first_ : last_->next) = fresh;
        last_ = fresh;
        back_ = 0;
    }
    void keep_or_free(block* empty) noexcept {
        if (spare_ == nullptr)
            spare_ = empty;
        else
            delete empty;
    }

    block* first_ = nullptr;
    block* last_ = nullptr;
    block* spare_ = nullptr;
    std::size_t front_ = 0;
    std::size_t back_ = 0;
};

} // namespace weft::detail
