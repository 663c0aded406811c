// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/waiter.hpp>

#include <cstddef>

namespace weft {

class timer_call;
class timer_heap;

// What is armed: the deadline of a wait, or a call. Knows its place in the heap that holds it.
struct timer_node {
    timer_node(waiter& owner, wait_epoch at) noexcept : who(&owner), epoch(at) {}
    explicit timer_node(timer_call& what) noexcept : call(&what) {}
    timer_node(const timer_node&) = delete;
    timer_node& operator=(const timer_node&) = delete;

    static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

    waiter* who = nullptr;
    wait_epoch epoch = 0;
    timer_call* call = nullptr; // instead of who
    timer_heap* heap = nullptr;
    std::size_t place = nowhere;
};

} // namespace weft
