// SPDX-License-Identifier: BSL-1.0
#include "backend/leaf.hpp"

#include <weft/backend/sys.hpp>

#include <algorithm>
#include <cstring>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__FreeBSD__)
#include <pthread_np.h>
#include <sys/time.h>
#include <sys/umtx.h>
#else
#include "backend/waiting_words.hpp"
#endif
#if defined(__NetBSD__)
#include <lwp.h>
#elif defined(__OpenBSD__)
#include <pthread_np.h>
#endif

// The part of the seam that is each system's own, for the BSDs and macOS; sys_linux.cpp is the other one. What a system
// lacks says ENOSYS, and the callers do without: guard marks, waiting fences, signals to one thread that carry an address.
namespace weft::sys {
namespace {

#ifdef __APPLE__
// No flags of socket(), no accept4().
int made_ours(int fd) noexcept {
    if (fd < 0) return -errno;
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && ::fcntl(fd, F_SETFL, O_NONBLOCK) == 0) {
        suppress_sigpipe(fd);
        return fd;
    }
    const int error = errno;
    ::close(fd);
    return -error;
}
#endif

} // namespace

WEFT_LEAF int pipe(int (&ends)[2]) noexcept {
#ifdef __APPLE__
    if (::pipe(ends) != 0) return -errno;
    for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
    return 0;
#else
    return or_error(::pipe2(ends, O_CLOEXEC));
#endif
}
WEFT_LEAF long write_gather_no_signal(int fd, const iovec* parts, int count) noexcept {
    return without_sigpipe([&] { return static_cast<long>(::writev(fd, parts, count)); });
}

// --- sockets

WEFT_LEAF int socket(int domain, int type) noexcept {
#ifdef __APPLE__
    return made_ours(::socket(domain, type, 0));
#else
    return or_error(::socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
#endif
}
WEFT_LEAF int accept(int fd, sockaddr_storage& peer, socklen_t& size) noexcept {
    return repeat_if_interrupted([&] {
        size = sizeof peer;
        auto* const address = reinterpret_cast<sockaddr*>(&peer);
#ifdef __APPLE__
        const int result = made_ours(::accept(fd, address, &size));
        if (result >= 0) return result;
        errno = -result;
        return -1;
#else
        return ::accept4(fd, address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
#endif
    });
}
WEFT_LEAF long recv(int fd, void* to, std::size_t size) noexcept {
    return repeat_if_interrupted([&] { return static_cast<long>(::recv(fd, to, size, 0)); });
}
WEFT_LEAF long send(int fd, const void* from, std::size_t size) noexcept {
    return repeat_if_interrupted([&] { return static_cast<long>(::send(fd, from, size, no_signal)); });
}
WEFT_LEAF void suppress_sigpipe([[maybe_unused]] int fd) noexcept {
#ifdef SO_NOSIGPIPE
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
}

WEFT_LEAF int socket_pair(int domain, int type, int (&numbers)[2]) noexcept {
#ifdef __APPLE__
    if (::socketpair(domain, type, 0, numbers) != 0) return -errno;
    for (int i = 0; i < 2; ++i) {
        if (const int result = made_ours(numbers[i]); result < 0) {
            ::close(numbers[1 - i]);
            return result;
        }
    }
    return 0;
#else
    return or_error(::socketpair(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, numbers));
#endif
}

namespace {

// One call of the system a message: sendmmsg() and recvmmsg() are not to be had everywhere. How many; an error, if it is the
// first.
template <class Transfer>
long each_of(message* messages, std::size_t count, Transfer transfer) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        iovec part{};
        part.iov_base = messages[i].bytes;
        part.iov_len = messages[i].size;
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_name = messages[i].address;
        header.msg_namelen = messages[i].address_size;
        const long result = repeat_if_interrupted([&] { return transfer(header); });
        if (result < 0) return i == 0 ? result : static_cast<long>(i);
        messages[i].size = static_cast<std::size_t>(result);
        messages[i].address_size = header.msg_namelen;
        messages[i].truncated = (header.msg_flags & MSG_TRUNC) != 0;
    }
    return static_cast<long>(count);
}

} // namespace

WEFT_LEAF long send_messages(int fd, message* messages, std::size_t count) noexcept {
    return each_of(messages, count,
        [fd](msghdr& header) { return static_cast<long>(::sendmsg(fd, &header, no_signal)); });
}
WEFT_LEAF long receive_messages(int fd, message* messages, std::size_t count) noexcept {
    return each_of(
        messages, count, [fd](msghdr& header) { return static_cast<long>(::recvmsg(fd, &header, 0)); });
}

WEFT_LEAF int peer_credentials(int fd, pid_t& process, uid_t& user, gid_t& group) noexcept {
    process = 0; // not told
    return or_error(::getpeereid(fd, &user, &group));
}

WEFT_LEAF long send_file(int to, int from, std::uint64_t offset, std::size_t count) noexcept {
#if defined(__FreeBSD__) || defined(__APPLE__)
    suppress_sigpipe(to); // sendfile() has no flag
    off_t sent = 0;
#ifdef __APPLE__
    sent = static_cast<off_t>(count);
    const int result = ::sendfile(from, to, static_cast<off_t>(offset), &sent, nullptr, 0);
#else
    const int result = ::sendfile(from, to, static_cast<off_t>(offset), count, nullptr, &sent, 0);
#endif
    return result < 0 && sent == 0 ? -errno : static_cast<long>(sent);
#else
    char bytes[8192];
    const long got = repeat_if_interrupted([&] {
        return static_cast<long>(
            ::pread(from, bytes, std::min(count, sizeof bytes), static_cast<off_t>(offset)));
    });
    return got <= 0 ? got : send(to, bytes, static_cast<std::size_t>(got));
#endif
}

// --- memory

int guard_install(void*, std::size_t) noexcept { return -ENOSYS; }
bool guard_works(void*) noexcept { return false; }
long guard_install_each(const iovec*, std::size_t) noexcept { return -ENOSYS; }
WEFT_LEAF int discard_pages(void* at, std::size_t size) noexcept {
    return or_error(::madvise(at, size, MADV_FREE));
}
long discard_pages_each(const iovec*, std::size_t) noexcept { return -ENOSYS; }
int no_huge_pages(void*, std::size_t) noexcept { return 0; }

// --- threads

#if defined(__FreeBSD__)
WEFT_LEAF int futex_wait(
    const std::uint32_t* word, std::uint32_t expected, std::int64_t timeout_ns) noexcept {
    timespec timeout = to_timespec(std::max<std::int64_t>(timeout_ns, 0));
    return or_error(::_umtx_op(const_cast<std::uint32_t*>(word), UMTX_OP_WAIT_UINT_PRIVATE, expected, nullptr,
        timeout_ns < 0 ? nullptr : &timeout));
}
WEFT_LEAF int futex_wake(const std::uint32_t* word, int count) noexcept {
    return or_error(::_umtx_op(const_cast<std::uint32_t*>(word), UMTX_OP_WAKE_PRIVATE,
        static_cast<unsigned long>(count), nullptr, nullptr));
}
#else
namespace {
waiting_words words;
}
int futex_wait(const std::uint32_t* word, std::uint32_t expected, std::int64_t timeout_ns) noexcept {
    return words.wait(word, expected, timeout_ns);
}
int futex_wake(const std::uint32_t* word, int) noexcept {
    words.wake(word);
    return 0;
}
#endif

bool membarrier_register() noexcept { return false; }
void membarrier() noexcept {}
void finest_timer_slack() noexcept {}

WEFT_LEAF unsigned usable_cpus() noexcept {
    return static_cast<unsigned>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
}
WEFT_LEAF int thread_id() noexcept {
#if defined(__FreeBSD__)
    return ::pthread_getthreadid_np();
#elif defined(__APPLE__)
    std::uint64_t id = 0;
    ::pthread_threadid_np(nullptr, &id);
    return static_cast<int>(id);
#elif defined(__NetBSD__)
    return ::_lwp_self();
#else
    return ::getthrid();
#endif
}
WEFT_LEAF void name_thread(const char* name) noexcept {
    char cut[16] = {};
    std::strncpy(cut, name, sizeof cut - 1);
#if defined(__APPLE__)
    ::pthread_setname_np(cut);
#elif defined(__NetBSD__)
    ::pthread_setname_np(::pthread_self(), "%s", cut);
#else
    ::pthread_set_name_np(::pthread_self(), cut);
#endif
}
WEFT_LEAF std::int64_t thread_cpu_time([[maybe_unused]] int thread) noexcept {
#if defined(__FreeBSD__)
    clockid_t clock{};
    timespec used{};
    if (::clock_getcpuclockid2(thread, CPUCLOCK_WHICH_TID, &clock) != 0 || ::clock_gettime(clock, &used) != 0)
        return 0;
    return std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
#else
    return 0;
#endif
}
unsigned thread_count() noexcept { return 0; }

// --- signals

int signal_queue(int, siginfo_t&) noexcept { return -ENOSYS; }
std::size_t signal_frame_size() noexcept { return MINSIGSTKSZ; }
const char* signal_name(int signal) noexcept {
    return signal > 0 && signal < NSIG ? sys_signame[signal]
                                       : nullptr; // in capitals on some systems, not on others
}

// --- child processes

int process_descriptor(int) noexcept { return -ENOSYS; }
WEFT_LEAF int child_status(int, int pid, int options, siginfo_t& ended) noexcept {
    ended.si_pid = 0;
    const int result =
        repeat_if_interrupted([&] { return ::waitid(P_PID, static_cast<id_t>(pid), &ended, options); });
    return result < 0 ? result : ended.si_pid;
}
WEFT_LEAF int signal_child(int, int pid, int signal) noexcept { return or_error(::kill(pid, signal)); }

} // namespace weft::sys
