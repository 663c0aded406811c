// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "poller/registered_targets.hpp"

#include <weft/waiting/poller.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>

#include <sys/event.h>

// The poller contract by kqueue, edge-triggered (EV_CLEAR): macOS, FreeBSD and their kin, and libkqueue, which offers kqueue
// on Linux by way of epoll.
//
// Who may call. As the contract says: add, remove, interrupt, size by any thread; wait by one thread at a time. But
// interrupt by a signal handler only where kevent() is a system call: libkqueue's takes locks.
//
// Two filters a descriptor. EVFILT_WRITE and EVFILT_READ come and go together; each is reported in an event of its own. A
// pipe whose other end is gone refuses EVFILT_WRITE on some systems (EPIPE): then it has the other alone, and a write, which
// is tried first, says EPIPE without waiting.
//
// What travels through the kernel is udata: poller/event_tag.hpp. EV_DELETE takes back what the queue holds, but not what a
// kevent() call of another thread has filled into its list already; that is what the generation is for.
//
// What an event says.
//   READ                        readable; and hung up, for a short read never proves anything: a receive call stops at the
//                               mark of urgent data although more lies behind it, and of that neither filter tells. It costs
//                               a connection one more receive call a request than epoll does.
//   READ, EV_EOF                the peer's end. fflags: the socket's error; then writable, too
//   WRITE                       writable
//   WRITE, EV_EOF               nothing can be written any more: writable and readable, so that either call tells why
//
// What cannot wait. kqueue takes regular files, and tells of them only as long as the position is before the end. The
// contract wants them refused, as epoll does: add looks at the kind first.
//
// Interrupt, in two recipes:
//   interrupter                                     who polls
//     publishes work                                  sees the event of EVFILT_USER
//     pending := true [K1]; was it set before?        pending := false [K1]
//     if not: NOTE_TRIGGER                            returns, looks for work
//   [K1] both are read-modify-writes of one flag. An interrupter that finds it set, and therefore does not trigger, comes
//   before the clearing in the flag's order, so what it published is visible to whoever cleared; one that finds it clear
//   triggers, and the present or the next wait returns. NOTE_TRIGGER overwrites udata: it is told by the filter.
//
// [K2] add releases, wait acquires `size_`: the target as it was when it was added. The kernel orders the two anyway; this
// says it in the language's terms.
//
// libkqueue is another matter in these respects.
//   It loses events. One event of epoll becomes up to two of ours, and those that do not fit the list are dropped. So when a
//   list is full, all descriptors are told that anything may have happened: `registered_` knows them. An edge too many costs
//   one call that says EAGAIN.
//   It takes the error of a socket (SO_ERROR) in order to show it in fflags, where BSD only looks. Whoever calls next would
//   take a reset for an orderly end, and a failed connect for one that still goes on. So the error is passed on in
//   poll_events::error, and the next call tells it, a read of a stream after the bytes that came before it. A receive call
//   that is told of an end which we have not reported yet waits for the report: it may have come between libkqueue's taking
//   of the error and our ready(). A send call that comes between says EPIPE instead.
//   It says EFAULT when a descriptor cannot be watched, whatever epoll_ctl() said.
//   Of the end of whatever is no socket it says EIO in fflags. That is passed on as an end; the call itself tells more.
//   Adding a filter forgets EPOLLRDHUP unless it is EVFILT_READ, and without it an end right behind data is not told as
//   EV_EOF. So that one is added last.
//   It does not notice close(), and a descriptor of the same number is never reported: remove comes first, as the contract
//   says.
namespace weft::net {

class kqueue_poller final : public poller {
public:
    kqueue_poller(); // throws std::system_error
    ~kqueue_poller() override;
    kqueue_poller(const kqueue_poller&) = delete;
    kqueue_poller& operator=(const kqueue_poller&) = delete;

    int add(int fd, poll_target& target, std::uint32_t generation) noexcept override;
    void remove(int fd) noexcept override;
    void wait(clock::time_point deadline, ready_list& batch) noexcept override;
    void interrupt() noexcept override;
    std::size_t size() const noexcept override;

private:
    static constexpr int events_at_once = 512; // not tuned; what libkqueue reports at most

    void forget(int fd) noexcept;

    int queue_ = -1;
    std::atomic<std::size_t> size_{0};
    std::atomic<bool> interrupt_pending_{false};
    std::array<struct kevent, events_at_once> events_;
    registered_targets registered_; // libkqueue alone
};

std::shared_ptr<poller> make_kqueue_poller();

} // namespace weft::net
