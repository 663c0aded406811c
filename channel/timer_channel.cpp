// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/timer_channel.hpp>

#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace weft::detail {

bool timer_channel::disarm_and_drain() noexcept {
    const bool was_armed = disarm(); // [A2]
    const section held(*this);
    ++turn_;
    ticks_missed_ = 0;
    after_section nobody_waits; // a timer's channel has no sender
    std::optional<tick> stale;
    const bool drained = take(stale, nobody_waits);
    nobody_waits.tell = nullptr;
    return was_armed || drained;
}

bool timer_channel::stop() noexcept {
    const std::lock_guard whole(setting_); // [A1]
    return disarm_and_drain();
}

bool timer_channel::set(clock::time_point first, clock::duration period) {
    const std::lock_guard whole(setting_); // [A1]
    const bool kept = disarm_and_drain();
    {
        const section held(*this);
        period_ = period;
    }
    arm(first);
    return kept;
}

clock::time_point timer_channel::fire(
    clock::time_point due, clock::time_point now, ready_list& batch) noexcept {
    after_section after;
    {
        const section held(*this);
        last_due_ = due;
        tick value = due;
        if (!give(value, after) && missed_ == missed_tick::burst) ++ticks_missed_;
    }
    const bool received_at_once = after.wake != nullptr;
    if (received_at_once) std::exchange(after.wake, nullptr)->wake(batch);
    if (period_ == clock::duration::zero()) return never;
    switch (missed_) {
    case missed_tick::skip: return due + ((now - due) / period_ + 1) * period_;
    case missed_tick::burst: return due + period_;
    case missed_tick::delay: return received_at_once ? now + period_ : never;
    }
    return never;
}

void timer_channel::received(after_section& after) {
    if (period_ == clock::duration::zero()) return;
    if (missed_ == missed_tick::delay) {
        after.tell = this;
        after.what = turn_;
    } else if (ticks_missed_ != 0) {
        tick next = last_due_ - static_cast<clock::rep>(--ticks_missed_) * period_;
        give(next, after);
    }
}

void timer_channel::after_unlock(std::uint64_t turn) noexcept {
    const std::lock_guard whole(setting_); // [A1]
    {
        const section held(*this);
        if (turn != turn_) return;
    }
    arm(deadline_after(period_));
}

clock::duration checked_period(clock::duration period) {
    if (period > clock::duration::zero()) return period;
    throw std::invalid_argument(
        "weft::ticker: a period of " + std::to_string(period.count()) + " ns is not positive");
}

timer_ref start_timer(clock::time_point when) {
    timer_ref made(new timer_channel(missed_tick::skip));
    made.get()->set(when, clock::duration::zero());
    return made;
}

timer_ref start_ticker(clock::duration period, missed_tick missed) {
    checked_period(period);
    timer_ref made(new timer_channel(missed));
    made.get()->set(deadline_after(period), period);
    return made;
}

receiver<tick> receiver_of(const timer_ref& timer) {
    receiver<tick> made;
    channel_handle_access::ref(made) = timer.counted();
    return made;
}

} // namespace weft::detail
