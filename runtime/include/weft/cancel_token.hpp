// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/cancelled.hpp>
#include <weft/detail/cancel_state.hpp>
#include <weft/waiting/counted.hpp>

#include <array>
#include <concepts>
#include <functional>
#include <stop_token>
#include <utility>

namespace weft {

class cancel_token;

// A callback's hold on a token. When it is destroyed or reset, the callback will not be called any more and does not run: that waits
// for one that another fiber or thread is running, and is no cancellation point. Move-only; may be destroyed by the callback itself.
class [[nodiscard, gnu::visibility("default")]] cancel_registration {
public:
    cancel_registration() noexcept = default;
    cancel_registration(cancel_registration&& other) noexcept = default;
    cancel_registration& operator=(cancel_registration&& other) noexcept {
        reset();
        state_ = std::move(other.state_);
        callback_ = std::move(other.callback_);
        return *this;
    }
    ~cancel_registration() { reset(); }
    void reset() noexcept;

private:
    friend class cancel_token;
    cancel_registration(counted_ref<detail::cancel_state> state, std::function<void()> callback);

    counted_ref<detail::cancel_state> state_;
    counted_ref<detail::cancel_callback> callback_;
};

// Tells whether something has been cancelled; given to those who are to stop then. A shared handle: copies name the same source;
// == compares identity. A default-constructed one never fires. Thread-safe, as a std::stop_token is.
class cancel_token {
public:
    cancel_token() noexcept = default;
    // Fires when stop is requested; with one that can't be, never.
    cancel_token(std::stop_token from) // NOLINT(google-explicit-constructor)
        : state_(from.stop_possible() ? detail::cancel_state::make_from(std::move(from))
                                      : counted_ref<detail::cancel_state>()) {}

    // True once it has fired, for ever: what whoever cancelled did before that happens before. Never blocks.
    bool stop_requested() const noexcept { return state_ && state_->is_cancelled(); }
    // False: it can never fire.
    bool stop_possible() const noexcept { return static_cast<bool>(state_); }
    // A cancellation point by hand: throws `cancelled`, for the reason given, if it has fired.
    void throw_if_stopped() const {
        if (stop_requested()) state_->reason().raise();
    }

    // Calls callback() once, when the token fires, on the fiber or thread that cancels it; at once, if it has fired already. It may
    // block, and is shielded from what cancels its caller; it must not throw: that is an unhandled exception. Never blocks, but for
    // a callback that is called at once.
    template <std::invocable<> Callback>
    cancel_registration on_cancel(Callback callback) const {
        return cancel_registration(state_, std::move(callback));
    }

    // A std::stop_token that is stopped when this fires.
    std::stop_token std_token() const { return state_ ? state_->std_token() : std::stop_token(); }

    friend bool operator==(const cancel_token& a, const cancel_token& b) noexcept {
        return a.state_.get() == b.state_.get();
    }

private:
    friend class cancel_source;
    friend class cancel_scope;
    friend class task_group;
    template <class Handler>
    friend auto on_cancel(const cancel_token& token, Handler handler);
    explicit cancel_token(counted_ref<detail::cancel_state> state) noexcept : state_(std::move(state)) {}

    counted_ref<detail::cancel_state> state_;
};

// Cancels. A shared handle, as std::stop_source. Thread-safe.
class cancel_source {
public:
    cancel_source() : state_(detail::cancel_state::make()) {}
    // Cancelled with any of the tokens, for its reason; at once, if one has fired already. Cancelling it leaves them alone.
    template <std::convertible_to<cancel_token>... More>
    explicit cancel_source(const cancel_token& parent, const More&... more)
        : cancel_source(std::array<cancel_token, 1 + sizeof...(More)>{parent, more...}) {}

    // Fires the token, once and for all; the first reason wins. Everything that is blocked in its scopes is woken and throws
    // `cancelled`; callbacks are called, and sources that have it as a parent are cancelled, before it returns. Idempotent. Blocks as
    // long as the callbacks do; no cancellation point.
    void cancel(const cancel_reason& why = "cancelled") const noexcept { state_->cancel(why); }
    bool stop_requested() const noexcept { return state_->is_cancelled(); }
    cancel_token token() const noexcept { return cancel_token(state_); }

private:
    template <std::size_t Count>
    explicit cancel_source(const std::array<cancel_token, Count>& parents) {
        std::array<detail::cancel_state*, Count> states{};
        std::size_t count = 0;
        for (const cancel_token& each : parents)
            if (each.stop_possible()) states[count++] = each.state_.get();
        state_ = detail::cancel_state::make({states.data(), count});
    }

    counted_ref<detail::cancel_state> state_;
};

} // namespace weft
