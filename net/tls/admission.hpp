// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>
#include <weft/waiting/wait_reason.hpp>

#include <cstddef>
#include <cstdint>

// A number of places, given first come, first served. weft::mutex and weft::counting_semaphore do not serve here: whoever waits in
// one cannot be told that his deadline is another one now, or that his stream is closed.
//
// Who may call. Any fiber or thread; leave: who was admitted.
//
// Invariant. Without the lock held: somebody waits who can still be claimed => no place is free. A waiter that is claimed has his
// place already.
//
// The changed condition, argued. Conditions are changed first, then look_again takes the lock; who waits looks at them under the
// lock, in the same section in which he queues. So he has seen the change, or is found in the queue.
namespace weft::net {

class admission {
public:
    enum class outcome : std::uint8_t { admitted, expired, dismissed };

    // What a wait depends on. Its address is the party that look_again names, and so is the same for all waits of a party.
    class party {
    public:
        virtual bool dismissed() const noexcept = 0;

    protected:
        party() = default;
        ~party() = default;
    };
    class conditions {
    public:
        virtual clock::time_point deadline() const noexcept = 0;

    protected:
        ~conditions() = default;
    };

    explicit admission(std::size_t places) noexcept : free_(places) {}
    admission(const admission&) = delete;
    admission& operator=(const admission&) = delete;

    // Waits for a place. A free one is taken even if the deadline has passed. May throw `cancelled`.
    outcome enter(const party& who, const conditions& until, const wait_reason& reason);
    bool try_enter() noexcept;
    void leave() noexcept;
    // Whoever of that party waits looks at the conditions anew; he queues again at the end.
    void look_again(const party& who) noexcept;

private:
    struct entry : wait_node {
        using wait_node::wait_node;
        const party* of = nullptr;
    };
    static constexpr wake_cause conditions_changed = wake_cause{1};

    spin_lock lock_;
    std::size_t free_;
    wait_queue queue_;
};

} // namespace weft::net
