// SPDX-License-Identifier: BSL-1.0
#include "backend/leaf.hpp"

#include <weft/backend/sys.hpp>

#include <algorithm>

#include <fcntl.h>
#include <sys/event.h>
#include <sys/stat.h>

namespace weft::sys {

WEFT_LEAF int kqueue_create() noexcept {
    const int queue = ::kqueue();
    if (queue < 0) return -errno;
    ::fcntl(queue, F_SETFD, FD_CLOEXEC);
    return queue;
}

// Interrupted: the changes have been applied.
WEFT_LEAF int kqueue_change(int queue, const struct kevent* changes, int count) noexcept {
    const int result = ::kevent(queue, changes, count, nullptr, 0, nullptr);
    return result < 0 && errno != EINTR ? -errno : 0;
}

WEFT_LEAF int kqueue_wait(int queue, struct kevent* events, int count, std::int64_t timeout_ns) noexcept {
    constexpr std::int64_t longest = 86'400'000'000'000; // a day; some systems refuse what is very long
    const timespec timeout = to_timespec(std::clamp<std::int64_t>(timeout_ns, 0, longest));
    return or_error(::kevent(queue, nullptr, 0, events, count, timeout_ns < 0 ? nullptr : &timeout));
}

WEFT_LEAF int refuse_file(int fd) noexcept {
    struct stat status{};
    if (::fstat(fd, &status) != 0) return -errno;
    return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode) ? -EPERM : 0;
}

} // namespace weft::sys
