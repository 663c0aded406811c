// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/broadcast_state.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace weft::detail {
namespace {

constexpr wait_reason sending_to_all{"the slowest subscriber of a broadcast"};
constexpr wait_reason receiving{"a value of a broadcast"};

std::size_t at_least_one(std::size_t capacity) {
    if (capacity == 0) throw std::invalid_argument("weft::broadcast: a capacity of 0 holds no value");
    return capacity;
}

} // namespace

struct broadcast_state::sending : wait_node {
    enum class end : std::uint8_t { retry, served, closed };

    sending(counted_ref<shared_value> empty, void* place) noexcept : value(std::move(empty)), from(place) {}

    counted_ref<shared_value> value; // given to the ring; in exchange for one that was dropped
    void* from;
    end outcome = end::retry; // written by whoever claimed the waiter, before it is woken
};

broadcast_state::broadcast_state(std::size_t capacity, on_lag lag)
    : ring_(at_least_one(capacity)),
      lag_(lag) {}

// --- senders

bool broadcast_state::has_room() const noexcept {
    return lag_ == on_lag::drop_oldest || subscribers_ == 0 || tail() - head_ < ring_.size();
}

// Has room. If the move throws, nothing has changed.
void broadcast_state::put(sending& one, claimed_list& woken) {
    if (subscribers_ == 0) return; // nobody will read it
    one.value->load(one.from);
    place& here = at(tail());
    if (tail() - head_ == ring_.size()) { // it is the head's place
        here.unread = 0;
        skip_what_all_have_read();
    }
    std::swap(here.value, one.value);
    here.unread = subscribers_;
    tail_.store(tail() + 1, std::memory_order_relaxed);
    woken.claim_all(waiting_);
}

void broadcast_state::admit_senders(claimed_list& woken) noexcept {
    while (!senders_.empty() && has_room()) {
        auto& first = static_cast<sending&>(*senders_.front());
        if (!woken.claim(senders_, first)) continue;
        try {
            put(first, woken);
            first.outcome = sending::end::served;
        } catch (...) { // it tries again, and it throws there
            first.outcome = sending::end::retry;
        }
    }
}

void broadcast_state::refuse_senders(claimed_list& woken) noexcept {
    while (wait_node* node = woken.claim_first(senders_))
        static_cast<sending*>(node)->outcome = sending::end::closed;
}

channel_status broadcast_state::send_until(
    counted_ref<shared_value> value, void* from, clock::time_point deadline) {
    begin_operation();
    sending one(std::move(value), from);
    for (bool again = false;; again = true) {
        {
            claimed_list woken;
            const std::lock_guard held(lock_);
            if (closed()) return channel_status::closed;
            if (has_room()) {
                put(one, woken);
                return channel_status::ok;
            }
            arm(one, sending_to_all);
            if (again)
                senders_.push_front(one);
            else
                senders_.push(one);
        }
        if (!park_in(senders_, one, deadline)) return channel_status::timeout;
        if (one.outcome == sending::end::served) return channel_status::ok;
        if (one.outcome == sending::end::closed) return channel_status::closed;
    }
}

channel_status broadcast_state::try_send(counted_ref<shared_value> value, void* from) {
    sending one(std::move(value), from);
    claimed_list woken;
    const std::lock_guard held(lock_);
    if (closed()) return channel_status::closed;
    if (!has_room()) return channel_status::full;
    put(one, woken);
    return channel_status::ok;
}

std::size_t broadcast_state::senders_waiting() noexcept {
    const std::lock_guard held(lock_);
    return senders_.size();
}

// --- subscribers

broadcast_cursor broadcast_state::subscribe() noexcept {
    const std::lock_guard held(lock_);
    ++subscribers_;
    return {tail(), 0, {}};
}

void broadcast_state::catch_up(broadcast_cursor& cursor) const noexcept {
    if (cursor.next >= head_) return;
    cursor.missed += head_ - cursor.next;
    cursor.next = head_;
}

counted_ref<shared_value> broadcast_state::read(std::uint64_t number, claimed_list& woken) noexcept {
    place& here = at(number);
    if (--here.unread != 0) return here.value;
    counted_ref<shared_value> last = std::move(here.value);
    skip_what_all_have_read();
    admit_senders(woken);
    return last;
}

void broadcast_state::skip_what_all_have_read() noexcept {
    while (head_ != tail() && at(head_).unread == 0) ++head_;
}

// What a subscriber that leaves has not read is read by nobody, one after the other, so that values die outside of the lock.
void broadcast_state::leave(broadcast_cursor& cursor) noexcept {
    std::uint64_t end = 0;
    {
        claimed_list woken;
        const std::lock_guard held(lock_);
        --subscribers_;
        end = tail();
        admit_senders(woken);
    }
    for (;;) {
        counted_ref<shared_value> unwanted;
        claimed_list woken;
        const std::lock_guard held(lock_);
        catch_up(cursor);
        if (cursor.next >= end) return;
        unwanted = read(cursor.next++, woken);
    }
}

channel_status broadcast_state::take_now(broadcast_cursor& cursor, claimed_list& woken) noexcept {
    if (cursor.taken) return channel_status::ok;
    catch_up(cursor);
    if (cursor.next == tail()) return closed() ? channel_status::closed : channel_status::empty;
    cursor.taken = read(cursor.next++, woken);
    return channel_status::ok;
}

channel_status broadcast_state::take(broadcast_cursor& cursor) noexcept {
    claimed_list woken;
    const std::lock_guard held(lock_);
    return take_now(cursor, woken);
}

channel_status broadcast_state::wait_to_take(broadcast_cursor& cursor, clock::time_point deadline) {
    channel_status status = channel_status::empty;
    const bool ready = wait_until(deadline, receiving, [&](claimed_list& woken) {
        status = take_now(cursor, woken);
        return status != channel_status::empty;
    });
    return ready ? status : channel_status::timeout;
}

std::size_t broadcast_state::missed(broadcast_cursor& cursor) noexcept {
    const std::lock_guard held(lock_);
    catch_up(cursor);
    return std::exchange(cursor.missed, 0);
}

} // namespace weft::detail
