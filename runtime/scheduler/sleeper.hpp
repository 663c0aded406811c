// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/poller.hpp>

#include <atomic>
#include <cstdint>

// How one worker sleeps and is woken: on a futex, or in the poller.
//
// word: awake, notified, on_futex, in_poller. Owner: sleep, poll. Any thread: wake; once a sleep at most, by whoever took the
// worker out of the idle set, and by shutdown.
// [W1] wake exchanges the word and sleep's entry is a CAS from awake: a wake that comes first is found by the entry, one that
// comes later finds where the worker sleeps. What the waker wrote before is visible to the woken.
namespace weft {

class sleeper {
public:
    // Until woken or the deadline.
    void sleep(clock::time_point deadline) noexcept;
    // In the poller, which may end early; `poller_now` is read after the word says so (scheduler::install_poller).
    void poll(const std::atomic<poller*>& poller_now, clock::time_point deadline, ready_list& batch) noexcept;
    void wake(const std::atomic<poller*>& poller_now) noexcept;
    bool is_polling() const noexcept { return word_.load(std::memory_order_relaxed) == in_poller; }

private:
    enum : std::uint32_t { awake, notified, on_futex, in_poller };

    std::atomic<std::uint32_t> word_{awake};
};

} // namespace weft
