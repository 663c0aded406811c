// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/channel.hpp>
#include <weft/delayed_go.hpp>
#include <weft/detail/timer_channel.hpp>
#include <weft/source_location.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

// Timers that talk over channels, as Go's time package has them (since 1.23).
//
// The channels have room for one tick; its value is the time for which it was set. A timer fires while the runtime lives on which
// it was set: that of the calling fiber, on a plain thread the default one. It needs no stopping: one that nobody can receive
// from any more is taken out at once and leaves nothing behind. All functions may be called from any fiber or thread; none
// blocks. Setting a timer happens before its tick is received, or its function is called.
namespace weft {

// One tick after so long; after zero or less, at once.
template <class Rep, class Period>
receiver<tick> after(std::chrono::duration<Rep, Period> duration) {
    return detail::receiver_of(detail::start_timer(deadline_after(duration)));
}

class timer;

// Calls f in a fiber of its own after so long, on the runtime of the caller. f is destroyed once it has run or was stopped, and
// no timer that could call it again is left. An exception that leaves it is an unhandled one.
template <class Rep, class Period>
timer after_func(std::chrono::duration<Rep, Period> duration, std::function<void()> f,
    source_location where = source_location::current());

// One tick, or one call of a function (after_func). A copy is the same timer. Dropping it stops nothing.
class timer {
public:
    // Fires after so long.
    template <class Rep, class Period>
    explicit timer(std::chrono::duration<Rep, Period> duration)
        : channel_(detail::start_timer(deadline_after(duration))) {}

    // Nil if it was made by after_func.
    weft::receiver<tick> receiver() const { return detail::receiver_of(channel_); }

    // True: that kept the tick from being received, or the function from being called. Whatever it says, no tick of before is
    // received any more; a function that has begun is not waited for.
    bool stop() const noexcept { return function_ != nullptr ? function_->stop() : channel_.get()->stop(); }
    // Stops it, and sets it anew: fires after so long. Returns as stop does.
    template <class Rep, class Period>
    bool reset(std::chrono::duration<Rep, Period> duration) const {
        const clock::time_point when = deadline_after(duration);
        return function_ != nullptr ? function_->start(when) : channel_.get()->set(when, {});
    }

private:
    template <class Rep, class Period>
    friend timer after_func(std::chrono::duration<Rep, Period>, std::function<void()>, source_location);
    explicit timer(std::shared_ptr<delayed_go> function) noexcept : function_(std::move(function)) {}

    detail::timer_ref channel_;
    std::shared_ptr<delayed_go> function_;
};

template <class Rep, class Period>
timer after_func(
    std::chrono::duration<Rep, Period> duration, std::function<void()> f, source_location where) {
    timer made(std::make_shared<delayed_go>(std::move(f), where));
    made.function_->start(deadline_after(duration));
    return made;
}

// A tick each period. Copies are the same ticker; it ticks until it is stopped, or nobody can receive from it.
class ticker {
public:
    // The first tick comes after one period. Throws std::invalid_argument if the period is not positive.
    template <class Rep, class Period>
    explicit ticker(std::chrono::duration<Rep, Period> period, missed_tick missed = missed_tick::skip)
        : channel_(detail::start_ticker(to_clock_duration(period), missed)) {}

    weft::receiver<tick> receiver() const { return detail::receiver_of(channel_); }
    // No tick is received any more.
    void stop() const noexcept { channel_.get()->stop(); }
    // Another period from now on; the first tick comes after it. Throws as the constructor.
    template <class Rep, class Period>
    void reset(std::chrono::duration<Rep, Period> period) const {
        const clock::duration checked = detail::checked_period(to_clock_duration(period));
        channel_.get()->set(deadline_after(checked), checked);
    }

private:
    detail::timer_ref channel_;
};

} // namespace weft
