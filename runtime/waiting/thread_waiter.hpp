// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cancel/scope_stack.hpp"

#include <weft/backend/clock.hpp>

#include <atomic>
#include <cstdint>

namespace weft {

// A plain thread as a waiter; it blocks on a futex. Kept in a list that only grows and lent to one thread after the other,
// since a waker may still touch the word of one that has been woken.
//
// [K4] wake stores `woken_` with release after everything it wrote; the thread goes on only once it has read it with acquire.
class thread_waiter final : public cancellable {
public:
    thread_waiter() noexcept : cancellable(nullptr) {}

    // The calling thread's, made on its first wait. Ends the program if there is no memory for it.
    static thread_waiter& of_this_thread() noexcept;
    static void give_back(thread_waiter& unused) noexcept;

    wake_cause wait_until(clock::time_point deadline) noexcept;
    void unblock() noexcept;
    // No scope of its own counts for the call that is being made.
    bool shielded_now() const noexcept;

    scope_stack scopes{*this};

private:
    thread_waiter* next_ = nullptr; // in the list of those not lent
    std::atomic<std::uint32_t> woken_{0};
};

} // namespace weft
