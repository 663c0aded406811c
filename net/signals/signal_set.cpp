// SPDX-License-Identifier: BSL-1.0
#include "signals/signal_hub.hpp"

#include <weft/net/signals.hpp>
#include <weft/waiting/claimed_list.hpp>
#include <weft/waiting/park.hpp>

#include <algorithm>
#include <mutex>
#include <stdexcept>

// Invariant. Without the hub's lock, and once the bell has been heard: if a set's queue of waiters has one that can still be
// claimed, none of its signals is there.
namespace weft::net {
namespace {

constexpr wait_reason reason{"a signal", true};

} // namespace

signal_set::signal_set(std::span<const int> signals, const signal_set_options& options)
    : capacity_(options.capacity) {
    if (signals.empty()) throw std::invalid_argument("weft::net::signal_set: no signals");
    if (capacity_ == 0) throw std::invalid_argument("weft::net::signal_set: a capacity of 0");
    for (const int number : signals) {
        signal_hub::throw_unless_allowed(number);
        if (std::ranges::find(queues_, number, &queue::number) == queues_.end())
            queues_.push_back({.number = number});
    }
    signal_hub::instance().add(*this);
}

signal_set::~signal_set() { signal_hub::instance().remove(*this); }

void signal_set::drop_excess(const queue& of, std::uint64_t came) const noexcept {
    if (came - of.taken <= capacity_) return;
    dropped_ += came - of.taken - capacity_;
    of.taken = came - capacity_;
}

// Turn by turn, so that a signal that comes all the time does not keep the others back.
int signal_set::take_one() noexcept {
    for (std::size_t i = 0; i < queues_.size(); ++i) {
        const std::size_t at = (first_ + i) % queues_.size();
        const std::uint64_t came = signal_hub::count(queues_[at].number);
        if (came == queues_[at].taken) continue;
        drop_excess(queues_[at], came);
        ++queues_[at].taken;
        first_ = (at + 1) % queues_.size();
        return queues_[at].number;
    }
    return 0;
}

bool signal_set::any_there() const noexcept {
    return std::ranges::any_of(
        queues_, [](const queue& each) { return signal_hub::count(each.number) != each.taken; });
}

// Nobody barges past those who wait.
int signal_set::take() noexcept { return waiting_.empty() ? take_one() : 0; }

void signal_set::serve(claimed_list& served) noexcept {
    while (!waiting_.empty() && any_there())
        if (wait_node* const first = served.claim_first(waiting_))
            static_cast<entry*>(first)->number = take_one();
}

std::optional<int> signal_set::wait_before(clock::time_point deadline) {
    begin_operation();
    signal_hub& hub = signal_hub::instance();
    if (const std::optional<int> there = try_wait()) return there;
    hub.listen();
    waiter& me = this_waiter();
    entry node(me, 0);
    {
        const std::lock_guard guard(hub.lock());
        if (const int number = take()) return number;
        node.epoch = me.arm(reason);
        waiting_.push(node);
    }
    const wake_cause cause = park(deadline);
    if (cause == node.which) return node.number;
    {
        const std::lock_guard guard(hub.lock());
        waiting_.withdraw(node);
    }
    if (cause == wake_cause::cancelled) throw_cancelled();
    return std::nullopt;
}

// NOLINTNEXTLINE(bugprone-unchecked-optional-access): the end of time does not come
int signal_set::wait() { return *wait_before(never); }

std::optional<int> signal_set::try_wait() noexcept {
    const std::lock_guard guard(signal_hub::instance().lock());
    const int number = take();
    return number == 0 ? std::nullopt : std::optional(number);
}

std::uint64_t signal_set::dropped() const noexcept {
    const std::lock_guard guard(signal_hub::instance().lock());
    for (const queue& each : queues_) drop_excess(each, signal_hub::count(each.number));
    return dropped_;
}

namespace detail {

signal_source::signal_source(signal_set& of)
    : source(&signal_hub::instance().lock(), signal_hub::instance().rank(), node_),
      of_(of) {
    signal_hub::instance().listen();
}

bool signal_source::take() {
    node_.number = of_.take();
    return node_.number != 0;
}
void signal_source::enqueue() noexcept { of_.waiting_.push(node_); }
void signal_source::withdraw() noexcept { of_.waiting_.withdraw(node_); }

} // namespace detail
} // namespace weft::net
