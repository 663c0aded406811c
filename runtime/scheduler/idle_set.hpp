// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/spin_lock.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

// Which workers search for work and which sleep.
//
// Purpose. A worker with nothing to do searches the others' queues, then sleeps; whoever publishes work wakes one sleeper,
// unless somebody searches already. At most half of the awake workers search, and at most one is woken at a time: the woken
// one, once it has found work, wakes the next.
// Source. tokio's idle.rs; Go's wakep. Who may call: any thread notify; a worker the rest, for itself.
//
// Word.  searching:16 | awake:16.  Invariants: searching <= awake; a worker is asleep exactly if it is in sleepers_ (both are
// changed under the lock together).
//
// The last-searcher race (also "the named race"): work is published just as the last searcher falls asleep. Two recipes:
//   publisher                                        sleeper
//     1. publish the work                              1. announce: enter sleepers_, then leave the word       [I1]
//        (sequentially consistent)              [I1]   2. was it the last that searched? Look at every queue once more
//     2. nobody searches, somebody sleeps?             3. work there? Withdraw from sleepers_ and search again
//        Take a sleeper out and wake it                4. else sleep
//   [I1] Both sides write, then read what the other wrote; sequential consistency forbids that both miss. The publisher that
//        finds a searcher leaves: that searcher has yet to do its step 1 and will look again if it is the last; if it is not
//        the last, another one is.
//
// Model: tests/model/idle_set_model.cpp.
namespace weft {

template <template <class> class Atomic = std::atomic, class Lock = spin_lock>
class basic_idle_set {
public:
    explicit basic_idle_set(unsigned workers) { sleepers_.reserve(workers); }

    // A worker thread begins; it counts as awake.
    void join() noexcept { word_.fetch_add(one_awake, std::memory_order_seq_cst); }
    // It ends (a spare that is not needed any more).
    void leave() noexcept { word_.fetch_sub(one_awake, std::memory_order_seq_cst); }

    // The publisher's step 2. Gives the worker to wake, which then counts as searching, or none.
    template <class IsPolling>
    int take_sleeper(IsPolling is_polling) noexcept {
        if (searching(word_.load(std::memory_order_seq_cst)) != 0 ||
            sleeping_.load(std::memory_order_seq_cst) == 0)
            return none;
        const std::lock_guard guard(lock_);
        if (searching(word_.load(std::memory_order_seq_cst)) != 0 || sleepers_.empty()) return none;
        // The one in the poller sleeps on if another can be had: it keeps watch over I/O and timers.
        std::size_t at = sleepers_.size() - 1;
        while (at > 0 && is_polling(sleepers_[at])) --at;
        const unsigned worker = sleepers_[at];
        remove(at);
        word_.fetch_add(one_awake + one_searching, std::memory_order_seq_cst);
        return static_cast<int>(worker);
    }
    // Takes a given worker out, or reports that it was not asleep; it then counts as searching.
    bool take(unsigned worker) noexcept {
        const std::lock_guard guard(lock_);
        for (std::size_t at = 0; at < sleepers_.size(); ++at)
            if (sleepers_[at] == worker) {
                remove(at);
                word_.fetch_add(one_awake + one_searching, std::memory_order_seq_cst);
                return true;
            }
        return false;
    }

    // False: enough of them search already.
    bool begin_search() noexcept {
        std::uint32_t word = word_.load(std::memory_order_seq_cst);
        if (2 * searching(word) >= awake(word)) return false;
        word_.fetch_add(one_searching, std::memory_order_seq_cst);
        return true;
    }
    // True: it was the last that searched; if it found work, it must look for a sleeper to wake.
    bool end_search() noexcept {
        return searching(word_.fetch_sub(one_searching, std::memory_order_seq_cst)) == 1;
    }

    // The sleeper's step 1. True: step 2 is to follow.
    bool announce_sleep(unsigned worker, bool was_searching) noexcept {
        const std::lock_guard guard(lock_);
        sleepers_.push_back(worker);
        sleeping_.store(sleepers_.size(), std::memory_order_seq_cst); // [I1]
        // Last: whoever still counts as searching here, so that this worker need not look again, must find it asleep afterwards.
        const std::uint32_t before =
            word_.fetch_sub(one_awake + (was_searching ? one_searching : 0), std::memory_order_seq_cst);
        return was_searching ? searching(before) == 1 : searching(before) == 0;
    }

    std::uint32_t awake() const noexcept { return awake(word_.load(std::memory_order_seq_cst)); }
    std::size_t sleeping_approx() const noexcept { return sleeping_.load(std::memory_order_relaxed); }

    static constexpr int none = -1;

private:
    static constexpr std::uint32_t one_searching = 1, one_awake = 1U << 16;
    static std::uint32_t searching(std::uint32_t word) noexcept { return word & 0xffff; }
    static std::uint32_t awake(std::uint32_t word) noexcept { return word >> 16; }

    void remove(std::size_t at) noexcept {
        sleepers_.erase(sleepers_.begin() + static_cast<std::ptrdiff_t>(at));
        sleeping_.store(sleepers_.size(), std::memory_order_seq_cst);
    }

    Atomic<std::uint32_t> word_{0};
    Atomic<std::size_t> sleeping_{0};
    Lock lock_;
    std::vector<unsigned> sleepers_;
};

using idle_set = basic_idle_set<>;

} // namespace weft
