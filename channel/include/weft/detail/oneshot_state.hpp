// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/detail/awaited.hpp>

#include <atomic>
#include <optional>

// The place that a oneshot's sender and receiver share. Protocol: awaited.hpp, and
//
// Invariant: decided  <=>  the value was sent, or the sender is gone. From then on the value is the receiver's alone, without
// the lock; before, it is the sender's under the lock.
// Order. [O1] the sender's store of decided_ releases the value to the receiver that loads it.
namespace weft::detail {

class [[gnu::visibility("default")]] oneshot_ends : public awaited {
public:
    // The sender's. may_send, sent: under the lock; may_send throws std::logic_error if there was a send already.
    bool may_send() const;
    void sent(claimed_list& woken) noexcept;
    void sender_left() noexcept;

    // The receiver's.
    bool decided() const noexcept { return decided_.load(std::memory_order_acquire); } // [O1]
    bool wait(clock::time_point deadline);                                             // false: the deadline
    void receiver_left() noexcept;

private:
    void decide(claimed_list& woken) noexcept;

    std::atomic<bool> decided_{false};
    bool sent_ = false;
    bool receiver_gone_ = false;
};

template <class T>
class oneshot_state final : public oneshot_ends {
public:
    std::optional<T> value;
};

} // namespace weft::detail
