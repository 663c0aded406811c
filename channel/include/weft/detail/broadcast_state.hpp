// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/channel_error.hpp>
#include <weft/detail/awaited.hpp>
#include <weft/detail/shared_value.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft {

// What becomes of a send when a subscriber has `capacity` values still to receive.
enum class on_lag {
    block,       // it waits for the slowest subscriber
    drop_oldest, // it takes the place of the oldest value, which that subscriber misses
};

} // namespace weft

// A broadcast without the type of its values: a ring of places, numbered without end. Protocol: awaited.hpp, and
//
// Purpose. Each value has one place, until the last subscriber that was there when it was sent has passed it, or a newer one
// needs the place. A subscriber is no more than the number of the place it reads next; the state knows how many there are.
//
// Invariants, whenever the lock is free
//     the ring holds the numbers head <= n < tail;  tail - head <= capacity
//     unread(n) = those subscribers, also those about to leave, who were there when n was sent and whose next <= n
//     head == tail, or unread(head) > 0
//     senders wait  =>  on_lag::block, tail - head == capacity, somebody subscribes, not closed
//   Hence no sender barges.
//
// Leaving. A subscriber that leaves passes what it has not read one value at a time, under the lock anew for each, and is not
// counted for what is sent meanwhile. So a value can have been read by all before an older one: its place waits for the head.
// Lag. A subscriber whose next < head has missed head - next values; it learns of it by itself when it looks.
// Blocked senders. Who makes room does the work of the first: under the lock, claim it, move its value in; it is woken afterwards
// with outcome = served. If the move throws, with retry: it tries again, the first in the queue, and the throw is its own.
// Memory. Values are counted: a subscriber refers to the one it copies, so a place may be used again meanwhile.
namespace weft::detail {

// Of one subscriber.
struct broadcast_cursor {
    std::uint64_t next = 0;
    std::size_t missed = 0;
    counted_ref<shared_value> taken; // received, not yet given to the caller
};

class [[gnu::visibility("default")]] broadcast_state final : public publication {
public:
    // Throws std::invalid_argument, std::length_error, std::bad_alloc.
    broadcast_state(std::size_t capacity, on_lag lag);

    // Moves the T at `from` into the value and that into the ring. Not ok: *from is untouched.
    // ok, closed or timeout; blocks. The other: ok, closed or full.
    channel_status send_until(counted_ref<shared_value> value, void* from, clock::time_point deadline);
    channel_status try_send(counted_ref<shared_value> value, void* from);
    std::size_t senders_waiting() noexcept;

    broadcast_cursor subscribe() noexcept;
    void leave(broadcast_cursor& cursor) noexcept;

    // Without the lock: false: certainly not at this instant. is_ready: under it.
    bool may_be_ready(const broadcast_cursor& cursor) const noexcept {
        return cursor.taken || tail_.load(std::memory_order_relaxed) != cursor.next || closed();
    }
    bool is_ready(const broadcast_cursor& cursor) const noexcept { return may_be_ready(cursor); }
    // ok: cursor.taken is the next value. closed, or empty; or timeout.
    channel_status take(broadcast_cursor& cursor) noexcept;
    channel_status wait_to_take(broadcast_cursor& cursor, clock::time_point deadline);
    // How many it missed since last asked.
    std::size_t missed(broadcast_cursor& cursor) noexcept;

private:
    struct place {
        counted_ref<shared_value> value;
        std::size_t unread = 0;
    };
    struct sending;

    // All under the lock.
    std::uint64_t tail() const noexcept { return tail_.load(std::memory_order_relaxed); }
    place& at(std::uint64_t number) noexcept { return ring_[number % ring_.size()]; }
    bool has_room() const noexcept;
    void put(sending& one, claimed_list& woken);
    void admit_senders(claimed_list& woken) noexcept;
    void refuse_senders(claimed_list& woken) noexcept override;
    void skip_what_all_have_read() noexcept;
    void catch_up(broadcast_cursor& cursor) const noexcept;
    counted_ref<shared_value> read(std::uint64_t number, claimed_list& woken) noexcept;
    channel_status take_now(broadcast_cursor& cursor, claimed_list& woken) noexcept;

    std::vector<place> ring_;
    const on_lag lag_;
    std::uint64_t head_ = 0;
    std::atomic<std::uint64_t> tail_{0}; // written under the lock
    std::size_t subscribers_ = 0;
    wait_queue senders_;
};

} // namespace weft::detail
