// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/poller.hpp>

#include <array>
#include <atomic>
#include <memory>

#include <sys/epoll.h>

// The poller contract by epoll, edge-triggered.
//
// Who may call. As the contract says: add, remove, interrupt, size by any thread; wait by one thread at a
// time.
//
// What travels through the kernel with a descriptor: poller/event_tag.hpp.
//
// Interrupt, in two recipes:
//   interrupter                                     who polls
//     publishes work                                  sees the event of the eventfd
//     pending := true [E1]; was it set before?        pending := false [E1]
//     if not: write to the eventfd                    returns, looks for work
//   [E1] both are read-modify-writes of one flag. An interrupter that finds it set, and therefore does not
//   write, comes before the clearing in the flag's order, so what it published is visible to whoever cleared;
//   one that finds it clear writes, and the present or the next wait returns. The eventfd is registered
//   edge-triggered and is never read: each write is an edge, and 2^64 - 2 of them do not happen.
//
// [E2] add releases, wait acquires `size_`: the target as it was when it was added. The kernel orders the two
// anyway; this says it in the language's terms, and the thread sanitizer's.
namespace weft::net {

class epoll_poller final : public poller {
public:
    epoll_poller(); // throws std::system_error
    ~epoll_poller() override;
    epoll_poller(const epoll_poller&) = delete;
    epoll_poller& operator=(const epoll_poller&) = delete;

    int add(int fd, poll_target& target, std::uint32_t generation) noexcept override;
    void remove(int fd) noexcept override;
    void wait(clock::time_point deadline, ready_list& batch) noexcept override;
    void interrupt() noexcept override;
    std::size_t size() const noexcept override;

private:
    static constexpr int events_at_once = 512; // not tuned; 6 KiB

    int epoll_ = -1;
    int interrupt_ = -1;
    std::atomic<std::size_t> size_{0};
    std::atomic<bool> interrupt_pending_{false};
    std::array<epoll_event, events_at_once> events_;
};

std::shared_ptr<poller> make_epoll_poller();

} // namespace weft::net
