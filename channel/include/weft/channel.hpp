// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/channel_error.hpp>
#include <weft/detail/channel_handle.hpp>

#include <cstddef>
#include <functional>
#include <utility>
#include <variant>

// Channels: values go from senders to receivers, which wait for each other as far as the capacity demands.
//
// A handle names a channel that lives as long as one of its handles; copies name the same one and compare equal. All
// operations are const, and may be called by any number of fibers and threads, of any runtime, at the same time; but each
// handle object itself is as thread-safe as a std::shared_ptr. A nil channel (default-constructed) is one on which send and
// recv wait for ever.
//
// Order. The values of one sender arrive in the order sent. Who waits is served first come, first served, and nobody barges.
// Happens before: a send, before the receive of its value returns; the k-th receive, before the (k + capacity)-th send
// returns; close, before a receive that reports it.
//
// Blocking calls are cancellation points: they throw `cancelled`, and then neither took nor gave a value. A ready operation
// wins over a deadline that has passed. A value that was not sent is untouched, whatever the reason. If a move of T throws,
// the operation that made it throws, and the value stays where it was, in the channel or with the sender. T's moves and
// destructor run under the channel's lock: they must not block, nor use the channel.
namespace weft {

// What channels carry that only signal.
using unit = std::monostate;

struct unbounded_t {
    explicit unbounded_t() = default;
};
inline constexpr unbounded_t unbounded{};

template <class T>
class sender;
template <class T>
class receiver;

template <class T>
class channel : public detail::channel_sending<channel<T>, T>,
                public detail::channel_receiving<channel<T>, T>,
                public detail::channel_looks<channel<T>> {
public:
    using value_type = T;

    // Nil.
    channel() noexcept = default;
    // Room for so many values; 0: a rendezvous, where send and recv wait for each other. Throws std::length_error,
    // std::bad_alloc: the room is allocated at once.
    explicit channel(std::size_t capacity) : state_(new detail::channel_state<T>(capacity)) {}
    // Room for as many as memory holds: send never waits. Prefer a capacity, which makes a fast sender wait for a slow receiver.
    explicit channel(unbounded_t)
        : state_(new detail::channel_state<T>(
              detail::channel_core::no_limit, std::function<void(std::size_t)>())) {}
    // The same, and whenever more than soft_limit values wait in it, on_exceeded is called, once until they are half of that
    // again: by the sender, after its send, with the number that waited. It must not throw.
    channel(unbounded_t, std::size_t soft_limit, std::function<void(std::size_t)> on_exceeded)
        : state_(new detail::channel_state<T>(soft_limit, std::move(on_exceeded))) {}

    // Wakes all that wait: receivers report the close once no value is left, senders throw channel_closed. Never blocks.
    // Throws channel_closed if it is closed already, channel_nil if there is none.
    void close() const { detail::close_channel(state_.get()); }

    // Of the same channel?
    friend bool operator==(const channel& a, const channel& b) noexcept { return a.state_ == b.state_; }

private:
    friend class sender<T>;
    friend class receiver<T>;
    friend detail::channel_handle_access;
    detail::channel_ref<T> state_;
};

// The handle of those who only send.
template <class T>
class sender : public detail::channel_sending<sender<T>, T>, public detail::channel_looks<sender<T>> {
public:
    using value_type = T;

    sender() noexcept = default;
    sender(const channel<T>& of) noexcept
        : state_(of.state_) {} // NOLINT(google-explicit-constructor): it is one
    sender(channel<T>&& of) noexcept : state_(std::move(of.state_)) {} // NOLINT(google-explicit-constructor)

    // See channel::close.
    void close() const { detail::close_channel(state_.get()); }

    friend bool operator==(const sender& a, const sender& b) noexcept { return a.state_ == b.state_; }

private:
    friend detail::channel_handle_access;
    detail::channel_ref<T> state_;
};

// The handle of those who only receive.
template <class T>
class receiver : public detail::channel_receiving<receiver<T>, T>, public detail::channel_looks<receiver<T>> {
public:
    using value_type = T;

    receiver() noexcept = default;
    receiver(const channel<T>& of) noexcept
        : state_(of.state_) {} // NOLINT(google-explicit-constructor): it is one
    receiver(channel<T>&& of) noexcept
        : state_(std::move(of.state_)) {} // NOLINT(google-explicit-constructor)

    friend bool operator==(const receiver& a, const receiver& b) noexcept { return a.state_ == b.state_; }

private:
    friend detail::channel_handle_access;
    detail::channel_ref<T> state_;
};

} // namespace weft
