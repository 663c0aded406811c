// SPDX-License-Identifier: BSL-1.0
#include <weft/sync/shared_mutex.hpp>
#include <weft/waiting/claimed_list.hpp>
#include <weft/waiting/describe.hpp>
#include <weft/waiting/park.hpp>

#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>

// Purpose. Who holds it and who waits, under one spin lock, which costs as much as one read-modify-write of a word would. It is
// always handed over: whoever unlocks last chooses who has it next, and nobody else can come between.
//
// Who may call. Any fiber or thread; unlock: the writer.
//
// Invariants, with lock_ free; "waits" means: can still be claimed.
//   writer_ is set          =>  readers_ is zero
//   a writer waits          =>  writer_ is set or readers_ is not zero
//   a reader waits          =>  writer_ is set, or a writer waits or has yet to withdraw
//
// [L1] of spin_lock.hpp orders an unlock before what follows; who is handed the mutex is woken after that.
//
// Memory. The last touch of whoever unlocks is to give lock_ back; those it has claimed run after that.
namespace weft {
namespace {

constexpr wait_reason to_write{"a shared_mutex, to write"};
constexpr wait_reason to_read{"a shared_mutex, to read"};

} // namespace

bool shared_mutex::try_lock() noexcept {
    waiter& me = this_waiter();
    const std::lock_guard guard(lock_);
    return take(mode::write, me);
}

bool shared_mutex::try_lock_shared() noexcept {
    waiter& me = this_waiter();
    const std::lock_guard guard(lock_);
    return take(mode::read, me);
}

void shared_mutex::lock_unconditionally(mode how) {
    if (how == mode::write ? try_lock() : try_lock_shared()) return;
    const cancellation_shield shield;
    wait_for_turn(how, never);
}

bool shared_mutex::lock_before(mode how, clock::time_point deadline) {
    begin_operation();
    return wait_for_turn(how, deadline);
}

// Under lock_.
bool shared_mutex::take(mode how, waiter& me) noexcept {
    if (writer_ != nullptr) return false;
    if (how == mode::read) {
        if (!waiting_writers_.empty()) return false;
        ++readers_;
    } else {
        if (readers_ != 0) return false;
        writer_ = &me;
    }
    return true;
}

bool shared_mutex::wait_for_turn(mode how, clock::time_point deadline) {
    waiter& me = this_waiter();
    wait_node node(me, 0);
    wait_queue& queue = how == mode::write ? waiting_writers_ : waiting_readers_;
    bool recursive = false;
    {
        const std::lock_guard guard(lock_);
        if (take(how, me)) return true;
        recursive = writer_ == &me;
        if (!recursive) {
            node.epoch = me.arm(how == mode::write ? to_write : to_read);
            queue.push(node);
        }
    }
    if (recursive)
        throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur),
            "weft::shared_mutex: " + describe(me) + " holds it already and locks it again");

    const wake_cause cause = park(deadline);
    if (cause == node.which) return true;
    {
        claimed_list served;
        const std::lock_guard guard(lock_);
        queue.withdraw(node);
        if (writer_ == nullptr && waiting_writers_.empty()) admit_readers(served);
    }
    if (cause == wake_cause::cancelled) throw_cancelled();
    return false;
}

// Under lock_.
void shared_mutex::admit_readers(claimed_list& served) noexcept {
    readers_ += served.claim_all(waiting_readers_);
}

// Under lock_, when nobody holds it.
void shared_mutex::admit_writer(claimed_list& served) noexcept {
    const wait_node* first = served.claim_first(waiting_writers_);
    writer_ = first == nullptr ? nullptr : first->who;
}

void shared_mutex::unlock() {
    waiter& me = this_waiter();
    const waiter* holder = nullptr;
    {
        claimed_list served;
        const std::lock_guard guard(lock_);
        holder = writer_;
        if (holder == &me) {
            writer_ = nullptr;
            admit_readers(served);
            if (readers_ == 0) admit_writer(served);
        }
    }
    if (holder != &me)
        throw std::logic_error("weft::shared_mutex: " + describe(me) + " unlocks it, but " +
            (holder == nullptr ? "nobody" : describe(*holder)) + " holds it to write");
}

void shared_mutex::unlock_shared() {
    claimed_list served;
    const std::lock_guard guard(lock_);
    if (readers_ == 0)
        throw std::logic_error("weft::shared_mutex: unlock_shared, but nobody holds it to read");
    if (--readers_ != 0) return;
    admit_writer(served);
    if (writer_ == nullptr) admit_readers(served);
}

} // namespace weft
