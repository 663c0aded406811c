// SPDX-License-Identifier: BSL-1.0
#include <weft/backend/sys.hpp>
#include <weft/sync/mutex.hpp>
#include <weft/waiting/describe.hpp>
#include <weft/waiting/park.hpp>

#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>

// Purpose. A mutex that is fast because a newcomer may take it before those that wait (to hand it over each time costs a switch a
// section), and yet starves nobody. After Go's sync.Mutex; ours knows its owner, and it is the unlocker that looks how long the
// first in the queue has waited, so nobody needs a second defeat to be served.
//
// Who may call. Any fiber or thread; unlock: the owner.
//
// Word.  owner:61 | handed_over | woken | waiting
//   owner        the waiter of who holds it; written by the newcomer that finds none, and by the unlocker: none, or whom it serves
//   waiting      the queue is not empty; written under lock_
//   woken        somebody runs who will try to take it, so unlocking need not wake another one. Set by the unlocker for whom it
//                wakes, and by a newcomer that looks a few times before it queues up; cleared by that one's next step: it takes
//                the mutex, or finds an owner and queues up. Newcomers that follow each other could keep it set for ever, and the
//                queue waiting; so they set it a limited number of times (passed_over_) until an unlocker has looked there
//   handed_over  the owner was woken as such and may not run for a while: not worth a look. Cleared by its unlock
//
// Invariants.
//   lock_ is free      =>  waiting is set exactly if there is a node in the queue
//   waiting, no owner  =>  woken, and somebody for whom it was set will take the mutex, or see an owner and clear it; that owner
//                          wakes the next one when it unlocks. So no wake-up is lost
//   woken may be cleared too early, when two have set it: then one is woken more than need be
//   there is an owner  =>  only the owner, those under lock_, and a newcomer that sets woken write the word. So the owner, under
//                          lock_, may store it whole: it destroys at most a woken
//
// A waiter's end and the unlocker meet under lock_: a node is claimed and unlinked there, withdrawn there. A timed waiter that was
// woken in vain queues up again, which clears woken, before it gives up.
//
// [M1] Unlocking releases, locking acquires: what was done in the section. Who was handed it learns that by claim and wake.
//
// Memory. Once the word has no owner, or the next one has been woken, the unlocker does not touch the mutex any more: that one may
// destroy it. So under lock_ the word is given up only together with a claim, and whoever was claimed runs after wake(), which
// comes after lock_.
namespace weft {
namespace {

constexpr wait_reason reason{"a mutex"};

// Go's numbers; measured here, too: fewer looks, or more often, cost more than they gain.
constexpr clock::duration longest_unfair = std::chrono::milliseconds(1);
constexpr int looks = 4, pauses = 30;
// How often newcomers may keep the unlocker from looking at the queue; not tuned.
constexpr unsigned most_passed_over = 64;

// At rest, too, from arm to claim; then it will not unlock soon.
bool is_waiting(const waiter& owner) noexcept {
    return (owner.word() & (waiter::armed | waiter::claimed)) == waiter::armed;
}

void pause_between_looks() noexcept {
    for (int i = 0; i < pauses; ++i) sys::pause();
}

} // namespace

struct mutex::entry : wait_node {
    using wait_node::wait_node;
    clock::time_point since = clock::now();
    bool waited = false; // and was woken in vain: is to be the next
    bool served = false; // is the owner; written between claim and wake
};

void mutex::lock_contended(waiter& me) {
    refuse_recursion(me);
    const cancellation_shield shield;
    wait_for_turn(me, never);
}

bool mutex::lock_before(clock::time_point deadline) {
    begin_operation();
    if (try_lock()) return true;
    waiter& me = this_waiter();
    refuse_recursion(me);
    return wait_for_turn(me, deadline);
}

void mutex::refuse_recursion(const waiter& me) const {
    if ((state_.load(std::memory_order_relaxed) & owner_bits) == word_of(me)) // only we ourselves wrote that
        throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur),
            "weft::mutex: " + describe(me) + " holds it already and locks it again");
}

bool mutex::wait_for_turn(waiter& me, clock::time_point deadline) {
    entry node(me, 0);
    for (state_word owed = 0;; owed = woken) {
        if (take_soon(me, owed)) return true;
        {
            const std::lock_guard guard(lock_);
            if (take_or_mark(me, owed)) return true;
            node.epoch = me.arm(reason);
            if (node.waited)
                queue_.push_front(node);
            else
                queue_.push(node);
        }
        const wake_cause cause = park(deadline);
        if (cause == node.which) {
            if (node.served) return true;
            node.waited = true;
            continue;
        }
        {
            const std::lock_guard guard(lock_);
            queue_.withdraw(node);
            if (queue_.empty()) state_.fetch_and(~waiting, std::memory_order_relaxed);
        }
        if (cause == wake_cause::cancelled) throw_cancelled();
        return false;
    }
}

// Looks a few times, as long as the owner may be about to unlock.
bool mutex::take_soon(const waiter& me, state_word& owed) noexcept {
    state_word seen = state_.load(std::memory_order_relaxed);
    for (int i = 0; i < looks;) {
        if ((seen & owner_bits) == 0) {
            if (take(seen, me, owed)) return true;
            continue;
        }
        if ((seen & handed_over) != 0 || is_waiting(*reinterpret_cast<const waiter*>(seen & owner_bits)))
            return false;
        if ((seen & (waiting | woken)) == waiting && owed == 0 &&
            passed_over_.load(std::memory_order_relaxed) < most_passed_over) {
            if (!state_.compare_exchange_weak(seen, seen | woken, std::memory_order_relaxed)) continue;
            owed = woken;
            passed_over_.fetch_add(1, std::memory_order_relaxed);
        }
        pause_between_looks();
        ++i;
        seen = state_.load(std::memory_order_relaxed);
    }
    return false;
}

// Under lock_. Becomes the owner, or announces that there will be somebody in the queue. Either clears what the caller owes.
bool mutex::take_or_mark(const waiter& me, state_word owed) noexcept {
    state_word seen = state_.load(std::memory_order_relaxed);
    for (;;) {
        const bool take = (seen & owner_bits) == 0;
        const state_word next = (seen | (take ? word_of(me) : waiting)) & ~owed;
        if (state_.compare_exchange_weak(
                seen, next, std::memory_order_acquire, std::memory_order_relaxed)) // [M1]
            return take;
    }
}

void mutex::unlock_contended(waiter& me) {
    state_word seen = state_.load(std::memory_order_relaxed);
    if ((seen & owner_bits) != word_of(me)) {
        const auto* owner = reinterpret_cast<const waiter*>(seen & owner_bits);
        throw std::logic_error("weft::mutex: " + describe(me) + " unlocks it, but " +
            (owner == nullptr ? "nobody" : describe(*owner)) + " holds it");
    }
    for (;;) {
        while ((seen & (waiting | woken)) != waiting)
            if (give_up(seen, seen & (waiting | woken))) return;

        const clock::time_point now = clock::now();
        waiter* next = nullptr;
        {
            const std::lock_guard guard(lock_);
            passed_over_.store(0, std::memory_order_relaxed);
            entry* first = claim_first();
            const state_word rest = queue_.empty() ? 0 : waiting;
            if (first == nullptr) {
                state_.store(seen = word_of(me), std::memory_order_relaxed);
                continue; // without lock_, see above
            }
            next = first->who;
            first->served = now - first->since > longest_unfair;
            state_.store(rest | (first->served ? word_of(*next) | handed_over : woken),
                std::memory_order_release); // [M1]
        }
        next->wake();
        return;
    }
}

// Under lock_.
mutex::entry* mutex::claim_first() noexcept {
    while (wait_node* node = queue_.front()) {
        queue_.withdraw(*node);
        if (node->claim()) return static_cast<entry*>(node);
    }
    return nullptr;
}

} // namespace weft
