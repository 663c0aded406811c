// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/channel_error.hpp>
#include <weft/detail/awaited_case.hpp>
#include <weft/detail/oneshot_state.hpp>

#include <chrono>
#include <mutex>
#include <optional>
#include <utility>

// One value from one side to the other: the answer to a request.
//
//     auto [tx, rx] = weft::make_oneshot<int>();
//     weft::go([tx = std::move(tx)]() mutable { tx.send(42); });
//     std::optional<int> answer = rx.recv();
//
// Each side has a handle that can be moved, not copied, and is used by one fiber or thread at a time; a handle moved from throws
// std::logic_error. The sender's end without a send tells the receiver that nothing will come; the receiver's end tells the
// sender that nobody waits, and destroys the value if there is one.
//
// Happens before: what came before the send, or before the sender's end, before the receive that reports it returns. T is any
// movable type; its move into the shared place runs under a lock: it must not block. If a move throws, the operation throws, and
// the value stays where it was.
namespace weft {

template <class T>
struct oneshot;

template <class T>
class oneshot_sender {
public:
    using value_type = T;

    oneshot_sender(oneshot_sender&&) noexcept = default;
    oneshot_sender& operator=(oneshot_sender&& other) noexcept {
        oneshot_sender moved(std::move(other));
        std::swap(state_, moved.state_);
        return *this;
    }
    ~oneshot_sender() {
        if (state_) state_->sender_left();
    }

    // False: the receiver is gone, and the value untouched. Never blocks, no cancellation point. Throws std::logic_error if
    // there was a send before that gave true.
    bool send(T&& value) {
        auto& to = state("weft::oneshot_sender::send");
        claimed_list woken;
        const std::lock_guard held(to.lock());
        if (!to.may_send()) return false;
        to.value.emplace(std::move(value));
        to.sent(woken);
        return true;
    }
    bool send(const T& value) {
        T copy(value);
        return send(std::move(copy));
    }

private:
    template <class U>
    friend oneshot<U> make_oneshot();
    friend detail::awaited_access;

    explicit oneshot_sender(counted_ref<detail::oneshot_state<T>> state) noexcept
        : state_(std::move(state)) {}
    detail::oneshot_state<T>& state(const char* place) const { return detail::state_of(state_, place); }

    counted_ref<detail::oneshot_state<T>> state_;
};

template <class T>
class oneshot_receiver {
public:
    using value_type = T;

    oneshot_receiver(oneshot_receiver&&) noexcept = default;
    oneshot_receiver& operator=(oneshot_receiver&& other) noexcept {
        oneshot_receiver moved(std::move(other));
        std::swap(state_, moved.state_);
        return *this;
    }
    ~oneshot_receiver() {
        if (!state_) return;
        state_->receiver_left();
        state_->value.reset();
    }

    // Waits for the value. nullopt: the sender went away without a send, or the value has been received already. A cancellation
    // point: if it throws `cancelled`, a value that is sent can still be received.
    std::optional<T> recv() {
        state("weft::oneshot_receiver::recv").wait(never);
        return take_ready();
    }

    // ok, empty or closed: nothing will come. Never blocks.
    channel_status try_recv(T& value) {
        if (!state("weft::oneshot_receiver::try_recv").decided()) return channel_status::empty;
        return take_into(value);
    }

    // ok, timeout or closed. What is ready wins over a deadline that has passed. A cancellation point, as recv.
    channel_status recv_until(T& value, clock::time_point deadline) {
        if (!state("weft::oneshot_receiver::recv_until").wait(deadline)) return channel_status::timeout;
        return take_into(value);
    }
    template <class Rep, class Period>
    channel_status recv_for(T& value, std::chrono::duration<Rep, Period> duration) {
        return recv_until(value, deadline_after(duration));
    }

private:
    template <class U>
    friend oneshot<U> make_oneshot();
    template <class U, class Handler>
    friend auto on_recv(oneshot_receiver<U>&, Handler);
    template <class Receiver, class Handler>
    friend class detail::awaited_case;
    friend detail::awaited_access;

    explicit oneshot_receiver(counted_ref<detail::oneshot_state<T>> state) noexcept
        : state_(std::move(state)) {}
    detail::oneshot_state<T>& state(const char* place) const { return detail::state_of(state_, place); }

    bool may_be_ready() const noexcept { return state_->decided(); }
    bool is_ready() const noexcept { return state_->decided(); }
    std::optional<T> take_ready() {
        std::optional<T> taken;
        if (std::optional<T>& sent = state_->value) {
            taken.emplace(std::move(*sent));
            sent.reset();
        }
        return taken;
    }
    channel_status take_into(T& value) {
        std::optional<T>& sent = state_->value;
        if (!sent) return channel_status::closed;
        value = std::move(*sent);
        sent.reset();
        return channel_status::ok;
    }

    counted_ref<detail::oneshot_state<T>> state_;
};

template <class T>
struct oneshot {
    oneshot_sender<T> tx;
    oneshot_receiver<T> rx;
};

template <class T>
oneshot<T> make_oneshot() {
    const counted_ref shared(new detail::oneshot_state<T>);
    return {oneshot_sender<T>(shared), oneshot_receiver<T>(shared)};
}

// A case of a select. handler(std::optional<T>): the value was received, or nullopt: nothing will come. The receiver stays where
// it is while the case exists. Throws std::logic_error if it was moved from.
template <class T, class Handler>
auto on_recv(oneshot_receiver<T>& from, Handler handler) {
    return detail::awaited_case<oneshot_receiver<T>, Handler>(
        from, from.state("weft::on_recv"), std::move(handler));
}
template <class T, class Handler>
void on_recv(oneshot_receiver<T>&& from, Handler handler) = delete;

} // namespace weft
