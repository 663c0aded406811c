// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/channel_error.hpp>
#include <weft/detail/awaited_case.hpp>
#include <weft/detail/watch_state.hpp>

#include <chrono>
#include <cstdint>
#include <type_traits>
#include <utility>

// A value that changes, and those who want to know its newest state: a configuration, a progress. Values in between may be
// missed; no sender waits for anybody.
//
// watch<T> is a handle of those who send: copies name the same watch, which is closed when the last of them ends. Any number of
// fibers and threads may use it at the same time. A watch_subscriber<T> is used by one of them at a time; a copy has seen what the
// original has, and goes its own way. It outlives the watch. Handles moved from throw std::logic_error.
//
// Happens before: what came before a send, before a changed() or get() that reports that value, or a later one; what came before
// a close, before a changed() that reports it. T is copyable. Its copies run under no lock and may do what they like; its move
// into the watch runs under one: it must not block.
namespace weft {

template <class T>
class watch_subscriber {
public:
    using value_type = T;

    // Fresh handles come from watch::subscribe.
    watch_subscriber(const watch_subscriber&) = default;
    watch_subscriber(watch_subscriber&&) noexcept = default;
    watch_subscriber& operator=(const watch_subscriber&) = default;
    watch_subscriber& operator=(watch_subscriber&&) noexcept = default;

    // A copy of the newest value, which counts as seen. Also after the close. Never blocks.
    T get() {
        std::uint64_t seen = 0;
        const auto newest = state("weft::watch_subscriber::get").newest(seen);
        T copy(std::as_const(static_cast<detail::shared_value_of<T>&>(*newest).get()));
        seen_ = seen;
        return copy;
    }

    // Waits for a value newer than the last seen, and sees the newest; at first, the one at the subscription has been seen.
    // False: there is none, and the watch is closed. A cancellation point: if it throws `cancelled`, it has seen nothing.
    bool changed() { return changed_until(never) == channel_status::ok; }
    // ok, timeout or closed. What is ready wins over a deadline that has passed.
    channel_status changed_until(clock::time_point deadline) {
        return state("weft::watch_subscriber::changed").wait_for_news(seen_, deadline);
    }
    template <class Rep, class Period>
    channel_status changed_for(std::chrono::duration<Rep, Period> duration) {
        return changed_until(deadline_after(duration));
    }

private:
    template <class U>
    friend class watch;
    template <class U, class Handler>
    friend auto on_changed(watch_subscriber<U>&, Handler);
    template <class Receiver, class Handler>
    friend class detail::awaited_case;
    friend detail::awaited_access;

    explicit watch_subscriber(counted_ref<detail::watch_state> state) noexcept
        : state_(std::move(state)),
          seen_(state_->version()) {}
    detail::watch_state& state(const char* place) const { return detail::state_of(state_, place); }

    bool may_be_ready() const noexcept { return state_->has_news(seen_); }
    bool is_ready() const noexcept { return state_->has_news(seen_); }
    bool take_ready() noexcept { return state_->see(seen_) == channel_status::ok; }

    counted_ref<detail::watch_state> state_;
    std::uint64_t seen_;
};

template <class T>
class watch {
    static_assert(std::is_copy_constructible_v<T>, "every subscriber of a watch gets a copy of the value");

public:
    using value_type = T;

    explicit watch(T initial) : state_(new detail::watch_state(loaded(initial))) {}

    // The value is the newest from now on; wakes all who wait for one. Never blocks, no cancellation point. Throws
    // channel_closed, and then leaves the value untouched.
    void send(T&& value) const { state("weft::watch::send").send(empty(), &value); }
    void send(const T& value) const {
        T copy(value);
        send(std::move(copy));
    }
    // Wakes all who wait; the last value stays. Never blocks. Throws channel_closed if it is closed already.
    void close() const { state("weft::watch::close").close("close (of a watch)"); }
    bool closed() const { return state("weft::watch::closed").closed(); }

    watch_subscriber<T> subscribe() const {
        return watch_subscriber<T>(state_.shared("weft::watch::subscribe"));
    }

private:
    friend detail::awaited_access;

    static counted_ref<detail::shared_value> empty() {
        return counted_ref<detail::shared_value>(new detail::shared_value_of<T>);
    }
    static counted_ref<detail::shared_value> loaded(T& value) {
        auto made = empty();
        made->load(&value);
        return made;
    }
    detail::watch_state& state(const char* place) const { return state_.at(place); }

    detail::owner_ref<detail::watch_state> state_;
};

// A case of a select. handler(bool): true: as changed(), there is a newer value, and it has been seen; false: closed. The
// subscriber stays where it is while the case exists. Throws std::logic_error if it was moved from.
template <class T, class Handler>
auto on_changed(watch_subscriber<T>& of, Handler handler) {
    return detail::awaited_case<watch_subscriber<T>, Handler>(
        of, of.state("weft::on_changed"), std::move(handler));
}
template <class T, class Handler>
void on_changed(watch_subscriber<T>&& of, Handler handler) = delete;

} // namespace weft
