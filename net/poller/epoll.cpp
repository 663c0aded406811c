// SPDX-License-Identifier: BSL-1.0
#include "poller/epoll.hpp"

#include "poller/event_tag.hpp"
#include "poller/timeout.hpp"

#include <weft/backend/sys.hpp>

#include <span>
#include <system_error>

#include <errno.h>

namespace weft::net {
namespace {

constexpr std::uint32_t watched = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;

// A socket's receive call may also stop short at the mark of urgent data (EPOLLPRI) although more lies behind
// it; like a hang-up, that means that a short read proves nothing.
poll_events translate(std::uint32_t events) noexcept {
    constexpr std::uint32_t broken = EPOLLHUP | EPOLLERR;
    constexpr std::uint32_t short_reads_prove_nothing = EPOLLRDHUP | EPOLLPRI | broken;
    return {.readable = (events & (EPOLLIN | short_reads_prove_nothing)) != 0,
        .writable = (events & (EPOLLOUT | broken)) != 0,
        .hung_up = (events & short_reads_prove_nothing) != 0};
}

int checked(int result, const char* what) {
    if (result < 0) throw std::system_error(-result, std::system_category(), what);
    return result;
}

} // namespace

epoll_poller::epoll_poller() : epoll_(checked(sys::epoll_create(), "epoll_create")) {
    interrupt_ = sys::event_fd();
    int result = interrupt_;
    if (result >= 0)
        result = sys::epoll_control(epoll_, EPOLL_CTL_ADD, interrupt_, EPOLLIN | EPOLLET, event_tag::none);
    if (result >= 0) return;
    if (interrupt_ >= 0) sys::close(interrupt_);
    sys::close(epoll_);
    checked(result, "eventfd");
}

epoll_poller::~epoll_poller() {
    sys::close(interrupt_);
    sys::close(epoll_);
}

int epoll_poller::add(int fd, poll_target& target, std::uint32_t generation) noexcept {
    const std::uint64_t data = event_tag::pack(target, generation);
    if (event_tag::target_of(data) != &target) return -EFAULT;
    size_.fetch_add(1, std::memory_order_release); // [E2]
    const int result = sys::epoll_control(epoll_, EPOLL_CTL_ADD, fd, watched, data);
    if (result < 0) size_.fetch_sub(1, std::memory_order_relaxed);
    return result;
}

void epoll_poller::remove(int fd) noexcept {
    if (sys::epoll_control(epoll_, EPOLL_CTL_DEL, fd, 0, 0) == 0)
        size_.fetch_sub(1, std::memory_order_relaxed);
}

void epoll_poller::wait(clock::time_point deadline, ready_list& batch) noexcept {
    const int count = sys::epoll_wait(epoll_, events_.data(), events_at_once, nanoseconds_until(deadline));
    static_cast<void>(size_.load(std::memory_order_acquire)); // [E2]
    const auto reported = std::span(events_).first(count > 0 ? static_cast<std::size_t>(count) : 0);
    for (std::size_t i = 0; i < reported.size(); ++i) {
        // With many descriptors each target is out of the cache.
        if (i + 1 < reported.size()) __builtin_prefetch(event_tag::target_of(reported[i + 1].data.u64), 1);
        const std::uint64_t data = reported[i].data.u64;
        if (data == event_tag::none) {
            interrupt_pending_.exchange(false, std::memory_order_acq_rel); // [E1]
        } else {
            event_tag::target_of(data)->ready(
                event_tag::generation_of(data), translate(reported[i].events), batch);
        }
    }
}

void epoll_poller::interrupt() noexcept {
    if (interrupt_pending_.exchange(true, std::memory_order_acq_rel)) return; // [E1]
    const std::uint64_t one = 1;
    sys::write(interrupt_, &one, sizeof one);
}

std::size_t epoll_poller::size() const noexcept { return size_.load(std::memory_order_relaxed); }

std::shared_ptr<poller> make_epoll_poller() { return std::make_shared<epoll_poller>(); }

} // namespace weft::net
