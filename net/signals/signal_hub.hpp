// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/signals.hpp>
#include <weft/waiting/poller.hpp>
#include <weft/waiting/spin_lock.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include <signal.h>

// From the handler of a signal to those who wait for it.
//
// Purpose. A handler may do next to nothing: it counts the signal, and rings. `count` of each number only grows; a set remembers,
// for each of its signals, how many of them it has had. The difference is the set's queue: nothing has to be moved into it, by
// nobody, and it cannot be lost. What is left to do after a signal is to wake those who are parked.
//
// Who rings whom. The bell is one pipe of the process. Whoever is about to wait for a signal first makes sure that the
// poller of his own runtime (on a plain thread: the default one's) listens to it: listen(). So there is no thread for
// signals, and no runtime that must not end: the pollers that matter are those of the fibers that wait, and each lives as
// long as they do. Every poller that listens gets an edge of its own for each ring, and the first one that comes to it wakes
// everybody, also the fibers of other runtimes and threads; the others find nothing left.
//
// Who may call. arrived(): a handler on any thread, at any time: it touches the atomics of `count`, `bell`, `inside`, `rung`, and
// writes to the bell. ready(): whoever polls. All else: fibers and threads.
//
// Locks. changing_: the set of sets, actions, the bell and the list of pollers; held for system calls that never block.
// lock_: the queues of all sets; taken inside changing_, held for some instructions. A select finds one lock for all sets, of
// one rank.
//
// The lost signal, in two recipes.
//   handler                                      fiber that waits
//     count + 1                                    its poller listens
//     rung: false -> true? rings [S1]              under lock_: count has grown? takes it
//   poller that hears the bell, under lock_        else into the set's queue, and parks
//     empties the pipe
//     rung := false [S1]
//     serves the queues of all sets
//   A handler that found rung set has no edge of its own, but then a poller has yet to clear it: [S1] makes that poller see
//   the count. Serving before the fiber is in the queue, it has lock_ first, so the fiber sees the count, too; serving after,
//   it finds the fiber. The pipe is emptied before rung is cleared: while rung is set there is a byte in it, or one
//   about to be, or a poller that has just taken it out and goes on to clear rung and to serve. So one that begins to listen
//   later misses nothing.
//   [S1] rung is exchanged by both, acquire and release: all that was counted before a `true` is seen after the `false` that
//        takes it back.
//
// The end. With the last set of a number its action is restored; with the last set of all the bell goes as well. Handlers
// that were about to write to it:
//   [S2] A handler counts itself into `inside` before it looks at `bell`; the closing one takes `bell` away, then waits until
//        nobody is inside. Sequentially consistent: a handler that was not waited for has seen that there is none.
// A handler that is called later, by an action that somebody put on top of ours and that passes signals on, finds no bell and
// goes away.
//
// Memory. The hub is never destroyed: a poller may bring an event after its bell was closed. It wakes whom there is to wake
// then, that is nobody.
namespace weft::net {

class signal_hub final : public poll_target {
public:
    static signal_hub& instance();

    // May throw std::invalid_argument, std::system_error, std::bad_alloc; then nothing has changed. Sets the queues' counts.
    void add(signal_set& fresh);
    void remove(signal_set& ended) noexcept;
    // The caller's poller will hear the bell. While there is a set. May throw std::system_error, std::bad_alloc.
    void listen();

    static std::uint64_t count(int number) noexcept; // of the signals that came
    static void throw_unless_allowed(int number);

    spin_lock& lock() noexcept { return lock_; }
    std::uint64_t rank() const noexcept { return rank_; }

    void ready(std::uint32_t generation, poll_events events, ready_list& batch) noexcept override;

private:
    struct action {
        unsigned sets = 0;
        struct sigaction before{};
    };

    signal_hub() = default;
    ~signal_hub() = default;
    void open_bell();
    void close_bell() noexcept;
    void retain(int number);
    void release(int number) noexcept;

    std::mutex changing_;
    std::array<action, NSIG> actions_{};
    std::vector<std::weak_ptr<poller>> listening_;

    spin_lock lock_;
    const std::uint64_t rank_ = new_lock_rank();
    signal_set* sets_ = nullptr; // changed under both locks
    int ear_ =
        -1; // where the bell is heard; likewise. Read from under lock_, lest it be another descriptor's number
};

} // namespace weft::net
