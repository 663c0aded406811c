// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/channel.hpp>
#include <weft/detail/select_engine.hpp>

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

// The ends of a channel as cases of a select.
namespace weft::detail {

// The channel of a case: of a handle that outlives it, or kept alive by the case itself, which copies a passing handle.
template <class T>
class case_channel {
public:
    template <class Handle>
    explicit case_channel(const Handle& lasting) noexcept : state_(channel_handle_access::state(lasting)) {}
    template <class Handle>
        requires(!std::is_lvalue_reference_v<Handle>)
    explicit case_channel(Handle&& passing) noexcept
        : kept_(channel_handle_access::ref(passing)),
          state_(kept_.get()) {}

    channel_state<T>* get() const noexcept { return state_; }
    spin_lock* lock() const noexcept { return state_ == nullptr ? nullptr : &state_->lock(); }
    std::uint64_t rank() const noexcept { return state_ == nullptr ? 0 : state_->rank(); }

private:
    channel_ref<T> kept_;
    channel_state<T>* state_;
};

template <class T, class Handler>
class recv_case final : public source {
public:
    using result = std::invoke_result_t<Handler&, std::optional<T>>;

    template <class Handle>
    recv_case(Handle&& channel, Handler handler)
        : recv_case(case_channel<T>(std::forward<Handle>(channel)), std::move(handler), 0) {}

    bool may_be_ready() const noexcept override { return channel_.get()->may_receive(); }
    bool take() override {
        node_.outcome = channel_node::end::served;
        closed_ = false;
        if (channel_.get()->take(value_, after_)) return true;
        return closed_ = channel_.get()->closed_now();
    }
    void tried() noexcept override {
        after_.run();
        if (closed_) edge_from(channel_.get());
    }
    void enqueue() noexcept override {
        edge_to(&node_);
        channel_.get()->enqueue_receiver(node_);
    }
    void withdraw() noexcept override { channel_.get()->withdraw_receiver(node_); }
    bool hides_lock() const noexcept override { return true; }
    bool happened() const noexcept override { return node_.outcome != channel_node::end::retry; }

    result run() {
        if constexpr (received_plainly<T>) {
            const bool received = node_.outcome == channel_node::end::served && !closed_;
            return std::invoke(handler_, received ? std::optional<T>(value_) : std::nullopt);
        } else {
            return std::invoke(handler_, std::exchange(value_, std::nullopt));
        }
    }

private:
    recv_case(case_channel<T> channel, Handler handler, int)
        : source(channel.lock(), channel.rank(), node_),
          channel_(std::move(channel)),
          handler_(std::move(handler)) {}

    using target = std::conditional_t<received_plainly<T>, T, std::optional<T>>;

    channel_node node_{&value_, received_plainly<T>};
    case_channel<T> channel_;
    target value_{};
    after_section after_;
    bool closed_ = false;
    Handler handler_;
};

// Value: T&, the caller's, or T.
template <class T, class Value, class Handler>
class send_case final : public source {
public:
    using result = std::invoke_result_t<Handler&>;

    template <class Handle, class Given>
    send_case(Handle&& channel, Given&& value, Handler handler)
        : send_case(case_channel<T>(std::forward<Handle>(channel)), std::forward<Given>(value),
              std::move(handler), 0) {}

    bool may_be_ready() const noexcept override { return channel_.get()->may_send(); }
    bool take() override {
        if (channel_.get()->closed_now()) throw channel_closed("send in a select");
        node_.outcome = channel_node::end::served;
        return channel_.get()->give(value_, after_);
    }
    void tried() noexcept override { after_.run(); }
    void enqueue() noexcept override {
        edge_to(&node_);
        channel_.get()->enqueue_sender(node_);
    }
    void withdraw() noexcept override { channel_.get()->withdraw_sender(node_); }
    bool hides_lock() const noexcept override { return true; }
    bool happened() const noexcept override { return node_.outcome != channel_node::end::retry; }

    // Before the case is used once more.
    void refill(const T& value) { value_ = T(value); }
    result run() {
        if (node_.outcome == channel_node::end::closed) throw channel_closed("send in a select");
        return std::invoke(handler_);
    }

private:
    template <class Given>
    send_case(case_channel<T> channel, Given&& value, Handler handler, int)
        : source(channel.lock(), channel.rank(), node_),
          channel_(std::move(channel)),
          value_(std::forward<Given>(value)),
          handler_(std::move(handler)) {}

    case_channel<T> channel_;
    Value value_;
    channel_node node_{&value_};
    after_section after_;
    Handler handler_;
};

} // namespace weft::detail
