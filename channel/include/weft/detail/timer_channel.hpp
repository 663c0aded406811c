// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/channel.hpp>
#include <weft/detail/channel_handle.hpp>
#include <weft/waiting/timer_call.hpp>

#include <cstddef>
#include <cstdint>

namespace weft {

// What timers and tickers send.
using tick = clock::time_point;

// What becomes of the ticks of a ticker whose receiver is late.
enum class missed_tick {
    skip,  // they are dropped, and the next one comes when it would have come anyway
    burst, // they come at once, one after the other, each with the time at which it should have come
    delay, // the next one comes a period after the last was received
};

namespace detail {

// The channel that a timer fills.
//
// [A1] `setting_` orders stop, set and the setting anew of a delayed tick: each is whole. Under it the heap's lock may be taken
// (arm, disarm) and the channel's (draining it). fire() runs under the heap's lock and takes the channel's; so nothing under
// the channel's lock touches the heap: a delayed tick is set after the receive has released it, if it is still its turn.
// [A2] After disarm() fire() neither runs nor will: what is drained then was the last stale tick.
// Memory: the channel's handles own it; its destructor disarms it.
class [[gnu::visibility("default")]] timer_channel final : public channel_state<tick>, private timer_call {
public:
    explicit timer_channel(missed_tick missed)
        : channel_state<tick>(1, tells_of_receives{}),
          missed_(missed) {}

    // Both: true if that kept a tick from being received. period zero: one tick.
    bool stop() noexcept;
    bool set(clock::time_point first, clock::duration period);

private:
    ~timer_channel() override { disarm(); }

    clock::time_point fire(clock::time_point due, clock::time_point now, ready_list& batch) noexcept override;
    void received(after_section& after) override;
    void after_unlock(std::uint64_t turn) noexcept override;
    bool disarm_and_drain() noexcept;

    const missed_tick missed_;
    spin_lock setting_;              // [A1]
    clock::duration period_{};       // written under both locks, not armed
    std::uint64_t turn_ = 0;         // under the channel's lock: counts stop and set
    clock::time_point last_due_{};   // under the channel's lock, as those below
    std::uint64_t ticks_missed_ = 0; // burst: due while the buffer was full
};

// A counted pointer to one.
class timer_ref {
public:
    timer_ref() noexcept = default;
    explicit timer_ref(timer_channel* adopted) noexcept : counted_(adopted) {}
    timer_channel* get() const noexcept { return static_cast<timer_channel*>(counted_.get()); }
    const channel_ref<tick>& counted() const noexcept { return counted_; }

private:
    channel_ref<tick> counted_;
};

[[gnu::visibility("default")]] clock::duration checked_period(
    clock::duration period); // throws std::invalid_argument
[[gnu::visibility("default")]] timer_ref start_timer(clock::time_point when);
[[gnu::visibility("default")]] timer_ref start_ticker(clock::duration period, missed_tick missed);
[[gnu::visibility("default")]] receiver<tick> receiver_of(const timer_ref& timer);

} // namespace detail
} // namespace weft
