// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/waiter.hpp>

#include <cstddef>

namespace weft {

struct fiber_control;

// Fibers made runnable in one go, by a poller or by timers; scheduled together when the list is flushed.
// Not thread-safe. Fibers of other schedulers, and threads, are woken at once instead of being listed.
class [[gnu::visibility("default")]] ready_list {
public:
    explicit ready_list(scheduler& home) noexcept : home_(home) {}
    ready_list(const ready_list&) = delete;
    ready_list& operator=(const ready_list&) = delete;

    bool empty() const noexcept { return first_ == nullptr; }
    std::size_t size() const noexcept { return size_; }
    scheduler& home() const noexcept { return home_; }
    void push(fiber_control& fiber) noexcept;
    fiber_control* pop() noexcept;

private:
    scheduler& home_;
    fiber_control* first_ = nullptr;
    fiber_control* last_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace weft
