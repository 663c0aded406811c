// SPDX-License-Identifier: BSL-1.0
#include "poller/kqueue.hpp"

#include "poller/event_tag.hpp"
#include "poller/timeout.hpp"

#include <weft/backend/sys.hpp>

#include <span>
#include <system_error>

#include <errno.h>
#include <sys/socket.h>

namespace weft::net {
namespace {

#ifdef __linux__
constexpr bool is_libkqueue = true;
#else
constexpr bool is_libkqueue = false;
#endif

constexpr short no_filter_flags = 0;

struct kevent change_of(int ident, short filter, unsigned short flags, unsigned filter_flags,
    std::uint64_t tag = event_tag::none) noexcept {
    struct kevent result{};
    EV_SET(&result, static_cast<std::uintptr_t>(ident), filter, flags, filter_flags, 0,
        reinterpret_cast<void*>(static_cast<std::uintptr_t>(tag)));
    return result;
}

std::uint64_t tag_of(const struct kevent& event) noexcept {
    return reinterpret_cast<std::uintptr_t>(event.udata);
}

// poll_events::error. Of the end of whatever is no socket libkqueue says EIO, and has taken nothing.
int error_taken(const struct kevent& event) noexcept {
    if (!is_libkqueue || (event.flags & EV_EOF) == 0) return 0;
    const int error = static_cast<int>(event.fflags);
    int type = 0;
    const bool taken = error != 0 &&
        (error != EIO || sys::get_option(static_cast<int>(event.ident), SOL_SOCKET, SO_TYPE, type) == 0);
    return taken ? error : poll_events::end_without_error;
}

poll_events translate(const struct kevent& event) noexcept {
    const bool reading = event.filter == EVFILT_READ;
    const bool ended = (event.flags & EV_EOF) != 0;
    const bool failed = ended && event.fflags != 0;
    return {.readable = reading || ended,
        .writable = !reading || failed,
        .hung_up = reading || ended,
        .error = error_taken(event)};
}

constexpr poll_events anything{
    .readable = true, .writable = true, .hung_up = true, .error = poll_events::end_without_error};

} // namespace

kqueue_poller::kqueue_poller() : queue_(sys::kqueue_create()) {
    int result = queue_;
    if (result >= 0) {
        const struct kevent own = change_of(0, EVFILT_USER, EV_ADD | EV_CLEAR, no_filter_flags);
        result = sys::kqueue_change(queue_, &own, 1);
    }
    if (result >= 0) return;
    if (queue_ >= 0) sys::close(queue_);
    throw std::system_error(-result, std::system_category(), "kqueue");
}

kqueue_poller::~kqueue_poller() { sys::close(queue_); }

int kqueue_poller::add(int fd, poll_target& target, std::uint32_t generation) noexcept {
    if (const int result = sys::refuse_file(fd); result < 0) return result;
    const std::uint64_t tag = event_tag::pack(target, generation);
    if (event_tag::target_of(tag) != &target) return -EFAULT;
    if (is_libkqueue && !registered_.insert(fd, target, generation)) return -ENOMEM;
    size_.fetch_add(1, std::memory_order_release); // [K2]
    const struct kevent both[] = {change_of(fd, EVFILT_WRITE, EV_ADD | EV_CLEAR, no_filter_flags, tag),
        change_of(fd, EVFILT_READ, EV_ADD | EV_CLEAR, no_filter_flags, tag)};
    int result = sys::kqueue_change(queue_, both, 2);
    if (result == -EPIPE) result = sys::kqueue_change(queue_, &both[1], 1);
    if (result == 0) return 0;
    const struct kevent deletion = change_of(fd, EVFILT_WRITE, EV_DELETE, no_filter_flags);
    sys::kqueue_change(queue_, &deletion, 1);
    forget(fd);
    return result;
}

void kqueue_poller::remove(int fd) noexcept {
    const struct kevent both[] = {change_of(fd, EVFILT_READ, EV_DELETE, no_filter_flags),
        change_of(fd, EVFILT_WRITE, EV_DELETE, no_filter_flags)}; // may be missing, therefore last
    sys::kqueue_change(queue_, both, 2);
    forget(fd);
}

void kqueue_poller::forget(int fd) noexcept {
    if (is_libkqueue) registered_.erase(fd);
    size_.fetch_sub(1, std::memory_order_relaxed);
}

void kqueue_poller::wait(clock::time_point deadline, ready_list& batch) noexcept {
    const int count = sys::kqueue_wait(queue_, events_.data(), events_at_once, nanoseconds_until(deadline));
    static_cast<void>(size_.load(std::memory_order_acquire)); // [K2]
    const auto reported = std::span(events_).first(count > 0 ? static_cast<std::size_t>(count) : 0);
    for (std::size_t i = 0; i < reported.size(); ++i) {
        // With many descriptors each target is out of the cache.
        if (i + 1 < reported.size()) __builtin_prefetch(event_tag::target_of(tag_of(reported[i + 1])), 1);
        const struct kevent& event = reported[i];
        if (event.filter == EVFILT_USER) {
            interrupt_pending_.exchange(false, std::memory_order_acq_rel); // [K1]
        } else {
            const std::uint64_t tag = tag_of(event);
            event_tag::target_of(tag)->ready(event_tag::generation_of(tag), translate(event), batch);
        }
    }
    if (is_libkqueue && count == events_at_once) registered_.tell_all(anything, batch);
}

void kqueue_poller::interrupt() noexcept {
    if (interrupt_pending_.exchange(true, std::memory_order_acq_rel)) return; // [K1]
    const struct kevent trigger = change_of(0, EVFILT_USER, 0, NOTE_TRIGGER);
    sys::kqueue_change(queue_, &trigger, 1);
}

std::size_t kqueue_poller::size() const noexcept { return size_.load(std::memory_order_relaxed); }

std::shared_ptr<poller> make_kqueue_poller() { return std::make_shared<kqueue_poller>(); }

} // namespace weft::net
