// SPDX-License-Identifier: BSL-1.0
#include <weft/channel_error.hpp>
#include <weft/detail/channel_core.hpp>
#include <weft/detail/channel_handle.hpp>
#include <weft/waiting/claimed_list.hpp>
#include <weft/waiting/source.hpp>

namespace weft::detail {

const wait_reason channel_core::sending{"a receiver of a channel"};
const wait_reason channel_core::receiving{"a value from a channel"};

channel_core::channel_core(std::size_t capacity) noexcept
    : hints_(capacity != 0 ? std::uint8_t{can_send} : std::uint8_t{0}),
      capacity_(capacity),
      rank_(new_lock_rank()) {}

std::size_t channel_core::size() noexcept {
    const section held(*this);
    const hidden_from_race_detector hidden;
    return count_;
}

std::size_t channel_core::senders_waiting() noexcept {
    const section held(*this);
    const hidden_from_race_detector hidden;
    return senders_.size();
}

std::size_t channel_core::receivers_waiting() noexcept {
    const section held(*this);
    const hidden_from_race_detector hidden;
    return receivers_.size();
}

channel_node* channel_core::claim_first(wait_queue& queue) noexcept {
    while (wait_node* node = queue.front()) {
        queue.withdraw(*node);
        if (node->claim()) return static_cast<channel_node*>(node);
    }
    return nullptr;
}

void channel_core::close() {
    claimed_list woken;
    edge_to(this);
    const section held(*this);
    const hidden_from_race_detector hidden;
    if (closed_) throw channel_closed("close");
    closed_ = true;
    for (wait_queue* queue : {&receivers_, &senders_})
        while (wait_node* node = woken.claim_first(*queue))
            static_cast<channel_node*>(node)->outcome = channel_node::end::closed;
    publish();
}

void channel_core::enqueue(channel_node& node, wait_queue& queue, bool first) noexcept {
    const hidden_from_race_detector hidden;
    node.outcome = channel_node::end::retry;
    if (first)
        queue.push_front(node);
    else
        queue.push(node);
    publish();
}

void channel_core::withdraw(channel_node& node, wait_queue& queue) noexcept {
    const hidden_from_race_detector hidden;
    queue.withdraw(node);
    publish();
}

channel_core::wait_end channel_core::wait(channel_node& node, wait_queue& queue, clock::time_point deadline) {
    const wake_cause cause = park(deadline);
    if (cause == node.which) {
        switch (node.outcome) {
        case channel_node::end::served: return wait_end::served;
        case channel_node::end::closed: return wait_end::closed;
        case channel_node::end::retry: return wait_end::retry;
        }
    }
    {
        const section held(*this);
        withdraw(node, queue);
    }
    if (cause == wake_cause::cancelled) throw_cancelled();
    return wait_end::timed_out;
}

void wait_on_nil_channel(clock::time_point deadline, const wait_reason& reason) {
    begin_operation();
    this_waiter().arm(reason);
    if (park(deadline) == wake_cause::cancelled) throw_cancelled();
}

void close_channel(channel_core* channel) {
    if (channel == nullptr) throw channel_nil("close");
    channel->close();
}

} // namespace weft::detail
