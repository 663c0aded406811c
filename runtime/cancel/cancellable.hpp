// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/waiter.hpp>

#include <atomic>
#include <cstdint>

namespace weft {

// A waiter whose waits can be cancelled: what every blocking call looks at. What stands behind it: runtime/cancel/scope_stack.hpp.
class cancellable : public waiter {
public:
    enum : std::uint32_t {
        pending = 1, // something that the owner is not shielded from has been cancelled
        timed = 2,   // a deadline is in force
    };

    bool untroubled() const noexcept { return cancel_flags.load(std::memory_order_relaxed) == 0; }
    // Every scope there is belongs to a call further out than the exceptions in flight, or weft's own destructor is at work.
    bool shielded(unsigned exceptions_in_flight) const noexcept {
        return shields != 0 || exceptions_in_flight != uncaught_at_scope;
    }

    std::atomic<std::uint32_t> cancel_flags{0}; // [C1] pending
    // The owner's
    std::uint8_t shields = 0;
    unsigned uncaught_at_scope = 0; // exceptions in flight when the innermost scope was opened

protected:
    explicit cancellable(scheduler* home) noexcept : waiter(home) {}
    ~cancellable() = default;
};

} // namespace weft
