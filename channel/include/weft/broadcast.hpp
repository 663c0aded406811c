// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/channel_error.hpp>
#include <weft/detail/awaited_case.hpp>
#include <weft/detail/broadcast_state.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

// Every subscriber receives every value from its subscription on, in the order sent: events, chat, a feed.
//
// broadcast<T> is a handle of those who send: copies name the same broadcast, which is closed when the last of them ends. Any
// number of fibers and threads may use it at the same time. A broadcast_subscriber<T> can be moved, not copied, and is used by one
// of them at a time; it outlives the broadcast, and its end lets go of all it has not received. Handles moved from throw
// std::logic_error.
//
// Happens before: what came before a send, before the receive of its value returns; what came before a close, before a receive
// that reports it; with on_lag::block, the receive of a value by the slowest subscriber, before the send that took its place
// returns.
//
// Blocking calls are cancellation points: they throw `cancelled`, and then neither took nor gave a value. What is ready wins over
// a deadline that has passed. A value that was not sent is untouched. T is copyable. Each value is stored once; its copies run
// under no lock and may do what they like, and if one throws, the value stays the next one of that subscriber. Its move into the
// broadcast runs under a lock: it must not block; if it throws, the send throws, and nobody gets the value.
namespace weft {

template <class T>
class broadcast_subscriber {
public:
    using value_type = T;

    // Fresh handles come from broadcast::subscribe.
    broadcast_subscriber(broadcast_subscriber&& other) noexcept = default;
    broadcast_subscriber& operator=(broadcast_subscriber&& other) noexcept {
        broadcast_subscriber moved(std::move(other));
        std::swap(state_, moved.state_);
        std::swap(cursor_, moved.cursor_);
        return *this;
    }
    ~broadcast_subscriber() {
        if (state_) state_->leave(cursor_);
    }

    // Waits for the next value. nullopt: closed, and all has been received.
    std::optional<T> recv() {
        state("weft::broadcast_subscriber::recv").wait_to_take(cursor_, never);
        return give();
    }

    // ok, empty or closed. Never blocks.
    channel_status try_recv(T& value) {
        auto& from = state("weft::broadcast_subscriber::try_recv");
        if (!from.may_be_ready(cursor_)) return channel_status::empty;
        return give_to(value, from.take(cursor_));
    }

    // ok, timeout or closed.
    channel_status recv_until(T& value, clock::time_point deadline) {
        auto& from = state("weft::broadcast_subscriber::recv_until");
        return give_to(value, from.wait_to_take(cursor_, deadline));
    }
    template <class Rep, class Period>
    channel_status recv_for(T& value, std::chrono::duration<Rep, Period> duration) {
        return recv_until(value, deadline_after(duration));
    }

    // How many values were dropped, that this subscriber had not received, since it last asked. Never blocks.
    std::size_t missed() { return state("weft::broadcast_subscriber::missed").missed(cursor_); }

private:
    template <class U>
    friend class broadcast;
    template <class U, class Handler>
    friend auto on_recv(broadcast_subscriber<U>&, Handler);
    template <class Receiver, class Handler>
    friend class detail::awaited_case;
    friend detail::awaited_access;

    explicit broadcast_subscriber(counted_ref<detail::broadcast_state> state) noexcept
        : state_(std::move(state)),
          cursor_(state_->subscribe()) {}
    detail::broadcast_state& state(const char* place) const { return detail::state_of(state_, place); }

    bool may_be_ready() const noexcept { return state_->may_be_ready(cursor_); }
    bool is_ready() const noexcept { return state_->is_ready(cursor_); }
    std::optional<T> take_ready() {
        state_->take(cursor_);
        return give();
    }

    // The value that was taken, if any: a copy, or the value itself, if nobody else will have it.
    std::optional<T> give() {
        std::optional<T> value;
        if (!cursor_.taken) return value;
        if (T& mine = taken(); std::is_nothrow_move_constructible_v<T> && cursor_.taken->referred_to_once())
            value.emplace(std::move(mine));
        else
            value.emplace(std::as_const(mine));
        cursor_.taken = {};
        return value;
    }
    channel_status give_to(T& value, channel_status status) {
        if (status != channel_status::ok) return status;
        if (T& mine = taken(); std::is_nothrow_move_assignable_v<T> && cursor_.taken->referred_to_once())
            value = std::move(mine);
        else
            value = std::as_const(mine);
        cursor_.taken = {};
        return status;
    }
    T& taken() const { return static_cast<detail::shared_value_of<T>&>(*cursor_.taken).get(); }

    counted_ref<detail::broadcast_state> state_;
    detail::broadcast_cursor cursor_;
};

template <class T>
class broadcast {
    static_assert(
        std::is_copy_constructible_v<T>, "every subscriber of a broadcast gets a copy of each value");

public:
    using value_type = T;

    // Room for `capacity` values that not all subscribers have received. 0: throws std::invalid_argument; more than memory can
    // hold: std::length_error, std::bad_alloc.
    broadcast(std::size_t capacity, on_lag lag) : state_(new detail::broadcast_state(capacity, lag)) {}

    // With on_lag::block, waits until the slowest subscriber has made room; those who wait are served first come, first served.
    // To nobody if there is no subscriber. Throws channel_closed.
    void send(T&& value) const {
        if (send_until(std::move(value), never) == channel_status::closed)
            throw channel_closed("send (of a broadcast)");
    }
    void send(const T& value) const {
        T copy(value);
        send(std::move(copy));
    }

    // ok, full or closed. Never blocks.
    channel_status try_send(T&& value) const {
        return state("weft::broadcast::try_send").try_send(empty(), &value);
    }
    channel_status try_send(const T& value) const {
        T copy(value);
        return try_send(std::move(copy));
    }

    // ok, timeout or closed.
    channel_status send_until(T&& value, clock::time_point deadline) const {
        return state("weft::broadcast::send").send_until(empty(), &value, deadline);
    }
    channel_status send_until(const T& value, clock::time_point deadline) const {
        T copy(value);
        return send_until(std::move(copy), deadline);
    }
    template <class Rep, class Period>
    channel_status send_for(T&& value, std::chrono::duration<Rep, Period> duration) const {
        return send_until(std::move(value), deadline_after(duration));
    }
    template <class Rep, class Period>
    channel_status send_for(const T& value, std::chrono::duration<Rep, Period> duration) const {
        return send_until(value, deadline_after(duration));
    }

    // Wakes all who wait: senders throw channel_closed, subscribers report the close once they have received all. Never blocks.
    // Throws channel_closed if it is closed already.
    void close() const { state("weft::broadcast::close").close("close (of a broadcast)"); }
    bool closed() const { return state("weft::broadcast::closed").closed(); }

    broadcast_subscriber<T> subscribe() const {
        return broadcast_subscriber<T>(state_.shared("weft::broadcast::subscribe"));
    }

private:
    friend detail::awaited_access;

    static counted_ref<detail::shared_value> empty() {
        return counted_ref<detail::shared_value>(new detail::shared_value_of<T>);
    }
    detail::broadcast_state& state(const char* place) const { return state_.at(place); }

    detail::owner_ref<detail::broadcast_state> state_;
};

// A case of a select. handler(std::optional<T>): the next value, or nullopt: closed, and all has been received. The subscriber
// stays where it is while the case exists. Throws std::logic_error if it was moved from.
template <class T, class Handler>
auto on_recv(broadcast_subscriber<T>& from, Handler handler) {
    return detail::awaited_case<broadcast_subscriber<T>, Handler>(
        from, from.state("weft::on_recv"), std::move(handler));
}
template <class T, class Handler>
void on_recv(broadcast_subscriber<T>&& from, Handler handler) = delete;

} // namespace weft
