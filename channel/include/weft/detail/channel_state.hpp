// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/channel_error.hpp>
#include <weft/detail/block_list.hpp>
#include <weft/detail/channel_core.hpp>
#include <weft/detail/ring.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

// The part of a channel that knows the type of its values. Protocol: channel_core.hpp.
//
// A value's move constructor, move assignment and destructor run under the channel's lock: they must not block, nor use the
// channel. Where they may throw, each step is done so that the value is left where it was.
namespace weft::detail {

// A small value is received as such and made an optional in registers: an optional that was written in memory piece by piece
// and is then read as a whole stalls the processor for longer than the rest of a receive takes.
template <class T>
inline constexpr bool received_plainly =
    std::is_trivially_copyable_v<T> && std::is_trivially_default_constructible_v<T> && sizeof(T) <= 16;

template <class T>
class channel_state : public channel_core {
public:
    explicit channel_state(std::size_t capacity) : channel_core(capacity), ring_(capacity) {}
    explicit channel_state(std::size_t soft_limit, std::function<void(std::size_t)> on_soft_limit)
        : channel_core(no_limit),
          ring_(0),
          soft_limit_(soft_limit),
          on_soft_limit_(std::move(on_soft_limit)) {}

    // --- blocking: a value that was not sent is untouched
    channel_status send_until(T& value, clock::time_point deadline) {
        waiter* const me = begin_operation();
        channel_node node(&value);
        for (bool again = false;; again = true) {
            {
                after_section after;
                const section held(*this);
                if (closed_now()) return channel_status::closed;
                if (give(value, after)) return channel_status::ok;
                edge_to(&node);
                begin_wait(node, me, sending);
                enqueue_sender(node, again);
            }
            switch (wait_to_send(node, deadline)) {
            case wait_end::served: return channel_status::ok;
            case wait_end::closed: return channel_status::closed;
            case wait_end::timed_out: return channel_status::timeout;
            case wait_end::retry: break;
            }
        }
    }
    // Out: std::optional<T>, which is given the value, or T, which is assigned it.
    template <class Out>
    channel_status receive_until(Out& out, clock::time_point deadline) {
        waiter* const me = begin_operation();
        channel_node node(&out, std::is_same_v<Out, T>);
        for (bool again = false;; again = true) {
            {
                after_section after;
                const section held(*this);
                if (take(out, after)) return channel_status::ok;
                if (closed_now()) break;
                edge_to(&node);
                begin_wait(node, me, receiving);
                enqueue_receiver(node, again);
            }
            switch (wait_to_receive(node, deadline)) {
            case wait_end::served: return channel_status::ok;
            case wait_end::closed: edge_from(this); return channel_status::closed;
            case wait_end::timed_out: return channel_status::timeout;
            case wait_end::retry: break;
            }
        }
        edge_from(this);
        return channel_status::closed;
    }

    // --- not blocking
    channel_status try_send(T& value) {
        if (closed()) return channel_status::closed;
        if (!may_send()) return channel_status::full;
        after_section after;
        const section held(*this);
        if (closed_now()) return channel_status::closed;
        return give(value, after) ? channel_status::ok : channel_status::full;
    }
    template <class Out>
    channel_status try_receive(Out& out) {
        if (!may_receive()) return channel_status::empty;
        {
            after_section after;
            const section held(*this);
            if (take(out, after)) return channel_status::ok;
            if (!closed_now()) return channel_status::empty;
        }
        edge_from(this);
        return channel_status::closed;
    }

    // --- under the lock
    // Not closed: moves the value to a receiver that waits, or into the buffer. False: neither is there.
    bool give(T& value, after_section& after) {
        const hidden_from_race_detector hidden;
        if (channel_node* node = claim_first(receivers_))
            serve(*node, after, [&] {
                const seen_by_race_detector seen;
                fill(*node, value);
                edges_as_if_buffered();
            });
        else if (count_ >= capacity())
            return false;
        else if (capacity() == no_limit)
            put_unbounded(value, after);
        else
            put(ring_, value);
        publish();
        return true;
    }
    // Moves the next value out, and that of a sender that waits into the buffer. False: there is none.
    template <class Out>
    bool take(Out& out, after_section& after) {
        const hidden_from_race_detector hidden;
        if (count_ != 0) {
            if (capacity() == no_limit)
                get_unbounded(out);
            else
                get(ring_, out);
            if (!senders_.empty()) refill(after);
            if (tells_of_receives_) received(after);
        } else if (channel_node* node = claim_first(senders_)) {
            serve(*node, after, [&] {
                const seen_by_race_detector seen;
                set(out, *static_cast<T*>(node->value));
            });
        } else {
            return false;
        }
        publish();
        return true;
    }

    static void begin_wait(channel_node& node, waiter* me, const wait_reason& reason) noexcept {
        node.who = me != nullptr ? me : &this_waiter();
        node.epoch = node.who->arm(reason);
    }

protected:
    // Of a channel that a timer fills: under the lock, after a value was taken out of the buffer.
    struct tells_of_receives {};
    channel_state(std::size_t capacity, tells_of_receives)
        : channel_core(capacity),
          ring_(capacity),
          tells_of_receives_(true) {}
    virtual void received(after_section&) {}
    void after_unlock(std::uint64_t size) noexcept override {
        on_soft_limit_(static_cast<std::size_t>(size));
    }

    ~channel_state() override {
        for (; count_ != 0; --count_) {
            if (capacity() == no_limit)
                drop_front(blocks_);
            else
                drop_front(ring_);
        }
    }

private:
    template <class Buffer>
    static void drop_front(Buffer& buffer) noexcept {
        std::destroy_at(buffer.front());
        buffer.popped();
    }

    // Moves a value to or from a claimed peer, which goes on in any case: if the move throws, to try again.
    template <class Move>
    static void serve(channel_node& node, after_section& after, Move move) {
        after.wake = node.who;
        {
            const seen_by_race_detector seen;
            edge_from(&node);
        }
        move();
        node.outcome = channel_node::end::served;
    }
    // A value handed over goes past the buffer, and the edge from the receive that emptied its place goes with it.
    void edges_as_if_buffered() {
        if constexpr (race_detector) {
            if (capacity() == 0 || capacity() == no_limit) return;
            T* place = ring_.back();
            edge_from(place);
            edge_to(place);
            const hidden_from_race_detector hidden;
            ring_.pushed();
            ring_.popped();
        }
    }
    void refill(after_section& after) {
        channel_node* node = claim_first(senders_);
        if (node == nullptr) return;
        const auto move = [&] { put(ring_, *static_cast<T*>(node->value)); };
        if constexpr (std::is_nothrow_move_constructible_v<T>) {
            serve(*node, after, move);
        } else {
            try {
                serve(*node, after, move);
            } catch (...) { // the sender tries again, and it throws there: this receive has its value
            }
        }
    }

    template <class Buffer>
    void put(Buffer& buffer, T& value) {
        T* place = buffer.back();
        {
            const seen_by_race_detector seen;
            edge_from(place);
            std::construct_at(place, std::move(value));
            edge_to(place);
        }
        buffer.pushed();
        ++count_;
    }
    void put_unbounded(T& value, after_section& after) {
        put(blocks_, value);
        if (count_ <= soft_limit_ || above_soft_limit_) return;
        above_soft_limit_ = true;
        after.tell = this;
        after.what = count_;
    }
    template <class Buffer, class Out>
    void get(Buffer& buffer, Out& out) {
        T* place = buffer.front();
        {
            const seen_by_race_detector seen;
            edge_from(place);
            set(out, *place);
            std::destroy_at(place);
            edge_to(place);
        }
        buffer.popped();
        --count_;
    }
    template <class Out>
    void get_unbounded(Out& out) {
        get(blocks_, out);
        if (count_ <= soft_limit_ / 2) above_soft_limit_ = false;
    }

    static void set(std::optional<T>& out, T& from) { out.emplace(std::move(from)); }
    static void set(T& out, T& from) { out = std::move(from); }
    static void fill(channel_node& node, T& from) {
        if (node.assigns)
            set(*static_cast<T*>(node.value), from);
        else
            set(*static_cast<std::optional<T>*>(node.value), from);
    }

    ring<T> ring_;
    block_list<T> blocks_;
    const std::size_t soft_limit_ = no_limit;
    const std::function<void(std::size_t)> on_soft_limit_;
    bool above_soft_limit_ = false;
    const bool tells_of_receives_ = false;
};

} // namespace weft::detail
