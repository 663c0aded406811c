// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <cstdint>

// What select asks of a case, whatever it waits for: a channel's end, the end of a fiber, a semaphore, a socket's direction.
//
// Purpose. A source object stands for one case of one select and lives in the select's frame. The engine (channel/select.cpp)
// tries the cases; if none is ready it puts a node of each into the queue of what it waits for and parks. Whoever ends the wait
// claims the node under the same lock as for a plain blocking call, and has then done that case's work.
//
// Who may call. The engine alone, on the selecting fiber or thread.
//
// Locks. Each source names the lock that guards what it waits for, and that lock's rank, which is unique and never an address,
// so that runs are repeatable. The engine holds the locks of several sources at a time, taken by ascending rank, a lock shared
// by two sources once. No lock of a source may be taken while another one is held, but by the engine.
namespace weft {

// A rank that no other lock has. Never blocks.
[[gnu::visibility("default")]] std::uint64_t new_lock_rank() noexcept;
// For the order in which a select tries its cases; from the calling worker's stream, or the calling thread's. Never blocks.
[[gnu::visibility("default")]] std::uint64_t draw_for_select() noexcept;

class source {
public:
    source(const source&) = delete;
    source& operator=(const source&) = delete;

    // nullptr: never ready and not to be waited for, as a nil channel.
    spin_lock* lock() const noexcept { return lock_; }
    std::uint64_t rank() const noexcept { return rank_; }
    wait_node& node() noexcept { return node_; }

    // Without the lock. False: it was not ready at this instant. True: worth a try.
    virtual bool may_be_ready() const noexcept = 0;
    // Under the lock. True: it was ready and has happened. If it throws, nothing has happened.
    virtual bool take() = 0;
    // Taking and releasing the lock is no edge of the memory model, and is hidden from ThreadSanitizer.
    virtual bool hides_lock() const noexcept { return false; }
    // Without the lock, after a take(), whatever came of it; of those that gave false one after the other, after the last: wakes
    // whoever take() claimed.
    virtual void tried() noexcept {}
    // Under the lock, after a take() that gave false: puts node() into the queue.
    virtual void enqueue() noexcept = 0;
    // Under the lock: takes node() out of the queue; without effect if it is not queued any more.
    virtual void withdraw() noexcept = 0;
    // After the wait, if this one was claimed. False: the work could not be done after all; the select begins anew.
    virtual bool happened() const noexcept { return true; }
    // Something outside the runtime's fibers can make it ready; see wait_reason::external.
    virtual bool external() const noexcept { return false; }

protected:
    source(spin_lock* lock, std::uint64_t rank, wait_node& node) noexcept
        : lock_(lock),
          rank_(rank),
          node_(node) {}
    ~source() = default;

private:
    spin_lock* lock_;
    std::uint64_t rank_;
    wait_node& node_;
};

} // namespace weft
