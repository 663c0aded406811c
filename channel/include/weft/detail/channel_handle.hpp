// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/detail/channel_state.hpp>

#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>

// What the three handles of channel.hpp have in common, and what two of them have. Documented there.
namespace weft::detail {

// A counted pointer to a channel's state.
template <class T>
class channel_ref {
public:
    channel_ref() noexcept = default;
    explicit channel_ref(channel_state<T>* adopted) noexcept : state_(adopted) {}
    channel_ref(const channel_ref& other) noexcept : state_(other.state_) {
        if (state_ != nullptr) state_->add_reference();
    }
    channel_ref(channel_ref&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    // Two, not one by value: of `ref = {}`, clang 14 forgets to destroy the parameter.
    channel_ref& operator=(const channel_ref& other) noexcept {
        channel_ref copied(other);
        std::swap(state_, copied.state_);
        return *this;
    }
    channel_ref& operator=(channel_ref&& other) noexcept {
        channel_ref moved(std::move(other));
        std::swap(state_, moved.state_);
        return *this;
    }
    ~channel_ref() {
        if (state_ != nullptr) state_->drop_reference();
    }

    channel_state<T>* get() const noexcept { return state_; }
    friend bool operator==(const channel_ref&, const channel_ref&) noexcept = default;

private:
    channel_state<T>* state_ = nullptr;
};

struct channel_handle_access {
    template <class Handle>
    static auto* state(const Handle& handle) noexcept {
        return handle.state_.get();
    }
    template <class Handle>
    static auto& ref(Handle& handle) noexcept {
        return handle.state_;
    }
};

// As a blocking call on a nil channel does: waits for the deadline, or the cancellation.
[[gnu::visibility("default")]] void wait_on_nil_channel(
    clock::time_point deadline, const wait_reason& reason);
[[gnu::visibility("default")]] void close_channel(channel_core* channel);

template <class Self>
class channel_looks {
public:
    // Snapshots: what they say may be past when they return. Never block.
    // Of a nil channel: false, 0, 0. The capacity of an unbounded one is SIZE_MAX.
    bool closed() const noexcept { return state() != nullptr && state()->closed(); }
    std::size_t size() const noexcept { return state() == nullptr ? 0 : state()->size(); }
    std::size_t capacity() const noexcept { return state() == nullptr ? 0 : state()->capacity(); }
    // False: nil.
    explicit operator bool() const noexcept { return state() != nullptr; }

private:
    friend Self;
    channel_looks() = default;

    auto* state() const noexcept { return channel_handle_access::state(static_cast<const Self&>(*this)); }
};

template <class Self, class T>
class channel_sending {
public:
    // Waits until a receiver or the buffer has taken the value. Throws channel_closed.
    void send(T&& value) const {
        if (state() == nullptr) return wait_on_nil_channel(never, channel_core::sending);
        if (state()->send_until(value, never) == channel_status::closed) throw channel_closed("send");
    }
    void send(const T& value) const {
        T copy(value);
        send(std::move(copy));
    }

    // ok, full (nobody waits for a value and the buffer has no room) or closed. Never blocks.
    channel_status try_send(T&& value) const {
        return state() == nullptr ? channel_status::full : state()->try_send(value);
    }
    channel_status try_send(const T& value) const {
        if (closed_now()) return channel_status::closed;
        if (state() == nullptr || !state()->may_send()) return channel_status::full;
        T copy(value);
        return state()->try_send(copy);
    }

    // ok, timeout or closed.
    channel_status send_until(T&& value, clock::time_point deadline) const {
        if (state() != nullptr) return state()->send_until(value, deadline);
        wait_on_nil_channel(deadline, channel_core::sending);
        return channel_status::timeout;
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

private:
    friend Self;
    channel_sending() = default;

    auto* state() const noexcept { return channel_handle_access::state(static_cast<const Self&>(*this)); }
    bool closed_now() const noexcept { return state() != nullptr && state()->closed(); }
};

// The values of a channel, until it is closed and drained.
template <class T>
class channel_iterator {
public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    explicit channel_iterator(channel_state<T>* of) : of_(of) { ++*this; }
    channel_iterator(channel_iterator&&) = default;
    channel_iterator& operator=(channel_iterator&&) = default;

    T& operator*() const noexcept {
        return *value_; // NOLINT(bugprone-unchecked-optional-access): not at the end
    }
    channel_iterator& operator++() {
        value_.reset();
        if (of_ == nullptr)
            wait_on_nil_channel(never, channel_core::receiving);
        else
            of_->receive_until(value_, never);
        return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return !value_.has_value(); }

private:
    channel_state<T>* of_;
    mutable std::optional<T> value_;
};

template <class Self, class T>
class channel_receiving {
public:
    // Waits for a value. nullopt: closed and drained.
    std::optional<T> recv() const {
        if (state() == nullptr) wait_on_nil_channel(never, channel_core::receiving);
        if constexpr (received_plainly<T>)
            return receive_plainly();
        else
            return receive_in_place();
    }

    // ok, empty or closed (and drained). Never blocks.
    channel_status try_recv(T& value) const {
        if (state() == nullptr) return channel_status::empty;
        return into(value, [&](auto& out) { return state()->try_receive(out); });
    }

    // ok, timeout or closed (and drained).
    channel_status recv_until(T& value, clock::time_point deadline) const {
        if (state() != nullptr)
            return into(value, [&](auto& out) { return state()->receive_until(out, deadline); });
        wait_on_nil_channel(deadline, channel_core::receiving);
        return channel_status::timeout;
    }
    template <class Rep, class Period>
    channel_status recv_for(T& value, std::chrono::duration<Rep, Period> duration) const {
        return recv_until(value, deadline_after(duration));
    }

    // An input range over T&, which may be moved from; ends when the channel is closed and drained. The increments block.
    channel_iterator<T> begin() const { return channel_iterator<T>(state()); }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    friend Self;
    channel_receiving() = default;

    auto* state() const noexcept { return channel_handle_access::state(static_cast<const Self&>(*this)); }

    std::optional<T> receive_plainly() const {
        T value{};
        if (state()->receive_until(value, never) != channel_status::ok) return std::nullopt;
        return value;
    }
    // Into what the caller gets: no move that could throw when the value has left the channel.
    std::optional<T> receive_in_place() const {
        std::optional<T> value;
        state()->receive_until(value, never);
        return value;
    }

    // What `value` held is destroyed outside of the lock, unless a throwing move might then lose the new value.
    template <class Receive>
    static channel_status into(T& value, Receive receive) {
        if constexpr (!std::is_trivially_copyable_v<T> && std::is_nothrow_move_constructible_v<T> &&
            std::is_nothrow_move_assignable_v<T>) {
            std::optional<T> received;
            const channel_status status = receive(received);
            if (received) value = std::move(*received);
            return status;
        } else {
            return receive(value);
        }
    }
};

} // namespace weft::detail
