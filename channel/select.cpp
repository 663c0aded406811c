// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/select_engine.hpp>
#include <weft/waiting/park.hpp>
#include <weft/waiting/race_edges.hpp>

#include <algorithm>

// The engine of select.
//
// Purpose. Of several sources (source.hpp), lets exactly one happen: one that is ready, or the first that becomes so.
//
// 1. Without waiting, one source at a time, in an order drawn at random: peek, and if it may be ready, lock and try it. The first
//    that succeeds has happened. Of a set of sources that are all ready, each comes first with the same probability.
// 2. If none did: lock them all, by ascending rank, and try again. Now that nothing can become ready behind our back, a select
//    that does not wait may say that nothing was ready at one instant; one that waits puts its node into each queue.
// 3. Unlock and park. Whoever claims the waiter does so under its source's lock and has done that case's work when it wakes us.
// 4. Withdraw the other nodes, each under its own lock.
//
// A select of the first case that is ready begins with 2, unless it is the first one of all: while it tried one after another, an
// earlier one could become ready.
//
// Exactly one. The waiter is armed before the first lock is released, and claimed once: [K2] of waiter.hpp. A source that loses
// finds the claim and goes to the next in its queue. Nodes of a select never meet those of the same one: it tries only before
// they are queued. Model: tests/model/select_model.cpp.
namespace weft::detail {
namespace {

constexpr wait_reason selecting{"one of several (select)"};
constexpr wait_reason selecting_external{"one of several (select)", true};

template <class Act>
void hidden_if_it_says_so(const source& one, Act act) noexcept {
    if (race_detector && one.hides_lock()) {
        const hidden_from_race_detector hidden;
        act();
    } else {
        act();
    }
}
void lock_one(source& one) noexcept {
    hidden_if_it_says_so(one, [&] { one.lock()->lock(); });
}
void unlock_one(source& one) noexcept {
    hidden_if_it_says_so(one, [&] { one.lock()->unlock(); });
}

class one_locked {
public:
    explicit one_locked(source& one) noexcept : one_(one) { lock_one(one_); }
    ~one_locked() { unlock_one(one_); }
    one_locked(const one_locked&) = delete;
    one_locked& operator=(const one_locked&) = delete;

private:
    source& one_;
};

// All of them, each lock once.
class all_locked {
public:
    all_locked(std::span<source* const> sources, std::span<const std::uint16_t> by_rank) noexcept
        : sources_(sources),
          by_rank_(by_rank) {
        for_each_lock(lock_one);
    }
    ~all_locked() { for_each_lock(unlock_one); }
    all_locked(const all_locked&) = delete;
    all_locked& operator=(const all_locked&) = delete;

private:
    template <class Visitor>
    void for_each_lock(Visitor visit) noexcept {
        const spin_lock* before = nullptr;
        for (const std::uint16_t at : by_rank_) {
            source& one = *sources_[at];
            if (one.lock() != before) visit(one);
            before = one.lock();
        }
    }

    std::span<source* const> sources_;
    std::span<const std::uint16_t> by_rank_;
};

// One number after the other of those given, each with the same probability: Fisher and Yates, as far as asked for.
class random_order {
public:
    explicit random_order(std::span<std::uint16_t> numbers) noexcept : numbers_(numbers) {}

    std::uint16_t at(std::size_t place) noexcept {
        const std::size_t left = numbers_.size() - place;
        if (left > 1) std::swap(numbers_[place], numbers_[place + below(left)]);
        return numbers_[place];
    }

private:
    // Sixteen bits a number: the bias is below one in 65536 / cases.
    std::size_t below(std::size_t bound) noexcept {
        if (bits_left_ == 0) {
            bits_ = draw_for_select();
            bits_left_ = 64;
        }
        const std::size_t drawn = (bits_ & 0xffff) * bound >> 16;
        bits_ >>= 16;
        bits_left_ -= 16;
        return drawn;
    }

    std::span<std::uint16_t> numbers_;
    std::uint64_t bits_ = 0;
    unsigned bits_left_ = 0;
};

void sort_by_rank(std::span<std::uint16_t> numbers, std::span<source* const> sources) noexcept {
    const auto before = [&](std::uint16_t a, std::uint16_t b) {
        return sources[a]->rank() < sources[b]->rank();
    };
    if (numbers.size() > 16) return std::sort(numbers.begin(), numbers.end(), before);
    for (std::size_t i = 1; i < numbers.size(); ++i)
        for (std::size_t j = i; j > 0 && before(numbers[j], numbers[j - 1]); --j)
            std::swap(numbers[j], numbers[j - 1]);
}

// Declared before the lock: what a try has left to do when the lock is released, also if it threw.
struct after_the_try {
    source* tried = nullptr;
    ~after_the_try() {
        if (tried != nullptr) tried->tried();
    }
};

constexpr unsigned none = nothing_ready;

class selection {
public:
    explicit selection(const select_call& call) noexcept : call_(call) {
        std::size_t count = 0;
        for (std::size_t i = 0; i < call.sources.size(); ++i)
            if (call.sources[i] != nullptr && call.sources[i]->lock() != nullptr)
                call.order[count++] = static_cast<std::uint16_t>(i);
        to_try_ = call.order.first(count);
    }

    unsigned run() {
        if (call_.waits) me_ = begin_operation();
        if (const unsigned happened = one_at_a_time(); happened != none) return happened;
        if (!call_.waits && to_try_.size() <= 1) return none; // that try was the instant

        by_rank_ = call_.order.subspan(call_.order.size() / 2, to_try_.size());
        std::copy(to_try_.begin(), to_try_.end(), by_rank_.begin());
        sort_by_rank(by_rank_, call_.sources);
        if (call_.first_in_order) std::sort(to_try_.begin(), to_try_.end());
        for (;;) {
            if (const unsigned happened = all_at_once(); happened != none || !call_.waits) return happened;
            const wake_cause cause = park(call_.deadline);
            withdraw_all_but(cause);
            if (cause == wake_cause::cancelled) throw_cancelled();
            if (cause == wake_cause::deadline) return deadline_passed;
            if (at(static_cast<std::uint16_t>(cause)).happened()) return static_cast<unsigned>(cause);
        }
    }

private:
    source& at(std::size_t number) const noexcept { return *call_.sources[number]; }

    unsigned one_at_a_time() {
        random_order order(to_try_);
        const std::size_t tries =
            call_.first_in_order ? std::min<std::size_t>(1, to_try_.size()) : to_try_.size();
        for (std::size_t i = 0; i < tries; ++i) {
            const std::uint16_t number = call_.first_in_order ? to_try_[i] : order.at(i);
            source& one = at(number);
            if (!one.may_be_ready()) continue;
            const after_the_try after{&one};
            const one_locked locked(one);
            if (one.take()) return number;
        }
        return none;
    }

    // Under all locks: takes one that is ready, or queues all.
    unsigned all_at_once() {
        after_the_try after;
        const all_locked locked(call_.sources, by_rank_);
        for (const std::uint16_t number : to_try_) {
            after.tried = &at(number);
            if (at(number).take()) return number;
        }
        if (call_.waits) queue_all();
        return none;
    }

    void queue_all() noexcept {
        const bool external = std::any_of(
            to_try_.begin(), to_try_.end(), [&](std::uint16_t number) { return at(number).external(); });
        waiter& me = me_ != nullptr ? *me_ : this_waiter();
        const wait_epoch epoch = me.arm(external ? selecting_external : selecting);
        for (const std::uint16_t number : to_try_) {
            wait_node& node = at(number).node();
            node.who = &me;
            node.epoch = epoch;
            node.which = static_cast<wake_cause>(number);
            at(number).enqueue();
        }
    }

    void withdraw_all_but(wake_cause winner) noexcept {
        for (const std::uint16_t number : to_try_) {
            if (static_cast<wake_cause>(number) == winner) continue;
            const one_locked locked(at(number));
            at(number).withdraw();
        }
    }

    const select_call& call_;
    waiter* me_ = nullptr; // of a fiber
    std::span<std::uint16_t> to_try_;
    std::span<std::uint16_t> by_rank_;
};

} // namespace

unsigned select_one(const select_call& call) { return selection(call).run(); }

} // namespace weft::detail

namespace weft {

void select() {
    detail::select_one({.sources = {}, .order = {}});
    __builtin_unreachable();
}

} // namespace weft
