// SPDX-License-Identifier: BSL-1.0
#include "backend/leaf.hpp"
#include "fiber/sanitizer_fiber.hpp"

#include <weft/backend/sys.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// The part of the seam that is Linux's own; sys_bsd.cpp is the other one, sys_posix.cpp what they have alike.
namespace weft::sys {
namespace {

constexpr int madv_guard_install = 102;
constexpr int pidfd_self = -10000;
constexpr int rwf_nosignal = 0x100;

// ThreadSanitizer keeps a signal back until its thread calls something that it intercepts, which a futex is not.
constexpr std::int64_t signals_kept_back_ns = 100'000'000;
void run_handlers_kept_back() noexcept {
    const timespec none{};
    ::nanosleep(&none, nullptr);
}

// The calls of every request, past libc: its wrappers are cancellation points of POSIX threads and change the thread's state
// twice a call once there is a second thread (3 % of an echo server's time). Sanitizers look into those wrappers.
namespace direct {
#if WEFT_SANITIZED_ADDRESS || WEFT_SANITIZED_THREAD
long recv(int fd, void* to, std::size_t size) noexcept { return ::recv(fd, to, size, 0); }
long send(int fd, const void* from, std::size_t size) noexcept { return ::send(fd, from, size, no_signal); }
int epoll_wait(int epoll, epoll_event* events, int count, int timeout_ms) noexcept {
    return ::epoll_wait(epoll, events, count, timeout_ms);
}
#else
long recv(int fd, void* to, std::size_t size) noexcept {
    return ::syscall(SYS_recvfrom, fd, to, size, 0, nullptr, nullptr);
}
long send(int fd, const void* from, std::size_t size) noexcept {
    return ::syscall(SYS_sendto, fd, from, size, no_signal, nullptr, 0);
}
int epoll_wait(int epoll, epoll_event* events, int count, int timeout_ms) noexcept {
    return static_cast<int>(::syscall(SYS_epoll_pwait, epoll, events, count, timeout_ms, nullptr, 0));
}
#endif
} // namespace direct

} // namespace

WEFT_LEAF int event_fd() noexcept { return or_error(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
// RWF_NOSIGNAL is of Linux 6.18.
WEFT_LEAF long write_gather_no_signal(int fd, const iovec* parts, int count) noexcept {
    static std::atomic<bool> has_flag{true};
    if (has_flag.load(std::memory_order_relaxed)) {
        const long done =
            repeat_if_interrupted([&] { return ::pwritev2(fd, parts, count, -1, rwf_nosignal); });
        if (done != -EOPNOTSUPP && done != -ENOSYS && done != -EINVAL) return done;
        has_flag.store(false, std::memory_order_relaxed);
    }
    return without_sigpipe([&] { return ::writev(fd, parts, count); });
}
WEFT_LEAF int pipe(int (&ends)[2]) noexcept { return or_error(::pipe2(ends, O_CLOEXEC)); }

WEFT_LEAF int socket(int domain, int type) noexcept {
    return or_error(::socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}
WEFT_LEAF int accept(int fd, sockaddr_storage& peer, socklen_t& size) noexcept {
    return repeat_if_interrupted([&] {
        size = sizeof peer;
        return ::accept4(fd, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    });
}
WEFT_LEAF long recv(int fd, void* to, std::size_t size) noexcept {
    return repeat_if_interrupted([&] { return direct::recv(fd, to, size); });
}
WEFT_LEAF long send(int fd, const void* from, std::size_t size) noexcept {
    return repeat_if_interrupted([&] { return direct::send(fd, from, size); });
}
void suppress_sigpipe(int) noexcept {} // a flag of each send does

WEFT_LEAF int socket_pair(int domain, int type, int (&numbers)[2]) noexcept {
    return or_error(::socketpair(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, numbers));
}

namespace {

struct message_headers {
    message_headers(message* messages, std::size_t count) noexcept {
        for (std::size_t i = 0; i < count; ++i) {
            parts[i] = {.iov_base = messages[i].bytes, .iov_len = messages[i].size};
            headers[i] = {};
            headers[i].msg_hdr.msg_iov = &parts[i];
            headers[i].msg_hdr.msg_iovlen = 1;
            headers[i].msg_hdr.msg_name = messages[i].address;
            headers[i].msg_hdr.msg_namelen = messages[i].address_size;
        }
    }
    iovec parts[most_messages];
    mmsghdr headers[most_messages];
};

} // namespace

WEFT_LEAF long send_messages(int fd, message* messages, std::size_t count) noexcept {
    message_headers all(messages, count);
    return repeat_if_interrupted(
        [&] { return ::sendmmsg(fd, all.headers, static_cast<unsigned>(count), no_signal); });
}
WEFT_LEAF long receive_messages(int fd, message* messages, std::size_t count) noexcept {
    message_headers all(messages, count);
    const int got = repeat_if_interrupted(
        [&] { return ::recvmmsg(fd, all.headers, static_cast<unsigned>(count), 0, nullptr); });
    for (int i = 0; i < got; ++i) {
        const mmsghdr& header = all.headers[i];
        messages[i].size = header.msg_len;
        messages[i].address_size = header.msg_hdr.msg_namelen;
        messages[i].truncated = (header.msg_hdr.msg_flags & MSG_TRUNC) != 0;
    }
    return got;
}

WEFT_LEAF int peer_credentials(int fd, pid_t& process, uid_t& user, gid_t& group) noexcept {
    ucred peer{};
    socklen_t size = sizeof peer;
    const int result = or_error(::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size));
    process = peer.pid;
    user = peer.uid;
    group = peer.gid;
    return result;
}

// sendfile to a socket has no flag against SIGPIPE.
WEFT_LEAF long send_file(int to, int from, std::uint64_t offset, std::size_t count) noexcept {
    off_t position = static_cast<off_t>(offset);
    return without_sigpipe([&] { return ::sendfile(to, from, &position, count); });
}

WEFT_LEAF int epoll_create() noexcept { return or_error(::epoll_create1(EPOLL_CLOEXEC)); }
WEFT_LEAF int epoll_control(
    int epoll, int operation, int fd, std::uint32_t events, std::uint64_t data) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.u64 = data;
    return or_error(::epoll_ctl(epoll, operation, fd, &event));
}
// epoll_pwait2 takes nanoseconds (Linux 5.11); before that the timeout is rounded up to a millisecond.
WEFT_LEAF int epoll_wait(int epoll, epoll_event* events, int count, std::int64_t timeout_ns) noexcept {
    static std::atomic<bool> has_pwait2{true};
    if (timeout_ns <= 0) return or_error(direct::epoll_wait(epoll, events, count, timeout_ns < 0 ? -1 : 0));
    if (has_pwait2.load(std::memory_order_relaxed)) {
        const timespec timeout = to_timespec(timeout_ns);
        const long got = or_error(::syscall(SYS_epoll_pwait2, epoll, events, count, &timeout, nullptr, 0));
        if (WEFT_SANITIZED_THREAD) run_handlers_kept_back();
        if (got != -ENOSYS) return static_cast<int>(got);
        has_pwait2.store(false, std::memory_order_relaxed);
    }
    const std::int64_t ms = std::min<std::int64_t>((timeout_ns + 999'999) / 1'000'000, 1'000'000);
    return or_error(::epoll_wait(epoll, events, count, static_cast<int>(ms)));
}

WEFT_LEAF int guard_install(void* at, std::size_t size) noexcept {
    return or_error(::madvise(at, size, madv_guard_install));
}
WEFT_LEAF int discard_pages(void* at, std::size_t size) noexcept {
    return or_error(::madvise(at, size, MADV_DONTNEED));
}
WEFT_LEAF int no_huge_pages(void* at, std::size_t size) noexcept {
    return or_error(::madvise(at, size, MADV_NOHUGEPAGE));
}
WEFT_LEAF bool guard_works(void* at) noexcept {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    const bool refused = ::write(ends[1], at, 1) < 0 && errno == EFAULT;
    ::close(ends[0]);
    ::close(ends[1]);
    return refused;
}

WEFT_LEAF long guard_install_each(const iovec* ranges, std::size_t count) noexcept {
    return or_error(::syscall(SYS_process_madvise, pidfd_self, ranges, count, madv_guard_install, 0));
}
WEFT_LEAF long discard_pages_each(const iovec* ranges, std::size_t count) noexcept {
    return or_error(::syscall(SYS_process_madvise, pidfd_self, ranges, count, MADV_DONTNEED, 0));
}

WEFT_LEAF int futex_wait(
    const std::uint32_t* word, std::uint32_t expected, std::int64_t timeout_ns) noexcept {
    const bool cut = WEFT_SANITIZED_THREAD && (timeout_ns < 0 || timeout_ns > signals_kept_back_ns);
    if (cut) timeout_ns = signals_kept_back_ns;
    const timespec timeout = to_timespec(timeout_ns);
    const int result = static_cast<int>(or_error(::syscall(
        SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout_ns < 0 ? nullptr : &timeout, nullptr, 0)));
    if (WEFT_SANITIZED_THREAD) run_handlers_kept_back();
    return cut && result == -ETIMEDOUT ? -EINTR : result;
}
WEFT_LEAF int futex_wake(const std::uint32_t* word, int count) noexcept {
    return static_cast<int>(
        or_error(::syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0)));
}
WEFT_LEAF bool membarrier_register() noexcept {
    return ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}
WEFT_LEAF void membarrier() noexcept { ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0); }
// The default slack of 50 us would be added to every timed wait of this thread.
WEFT_LEAF void finest_timer_slack() noexcept { ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); }

WEFT_LEAF void name_thread(const char* name) noexcept {
    char cut[16] = {};
    std::strncpy(cut, name, sizeof cut - 1);
    ::pthread_setname_np(::pthread_self(), cut);
}
WEFT_LEAF std::int64_t thread_cpu_time(int thread) noexcept {
    // The kernel's name of a thread's CPU clock: what pthread_getcpuclockid gives, for those who have a number alone
    const auto clock = static_cast<clockid_t>(~static_cast<unsigned>(thread) << 3 | 6U);
    timespec used{};
    return ::clock_gettime(clock, &used) == 0 ? std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec : 0;
}
WEFT_LEAF unsigned thread_count() noexcept {
    char text[1024];
    const long size = read_file("/proc/self/stat", text, sizeof text - 1);
    if (size <= 0) return 0;
    text[size] = '\0';
    const char* after_name = std::strrchr(text, ')'); // the name may hold anything
    unsigned count = 0;
    if (after_name == nullptr ||
        std::sscanf(after_name + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %u",
            &count) != 1)
        return 0;
    return count;
}

WEFT_LEAF unsigned usable_cpus() noexcept {
    cpu_set_t set;
    CPU_ZERO(&set);
    unsigned cpus =
        ::sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
    if (std::FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "re")) {
        long long quota = 0;
        long long period = 0;
        if (std::fscanf(file, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0)
            cpus = std::min(cpus, static_cast<unsigned>(std::max(1LL, (quota + period - 1) / period)));
        std::fclose(file);
    }
    return std::max(1U, cpus);
}

WEFT_LEAF int thread_id() noexcept { return static_cast<int>(::syscall(SYS_gettid)); }

WEFT_LEAF int signal_queue(int thread, siginfo_t& information) noexcept {
    return static_cast<int>(
        or_error(::syscall(SYS_rt_tgsigqueueinfo, ::getpid(), thread, information.si_signo, &information)));
}
// Kernels that do not say have frames that fit the constant of old.
WEFT_LEAF std::size_t signal_frame_size() noexcept {
    constexpr std::size_t minimum_of_old = 5120;
    return std::max<std::size_t>(::getauxval(AT_MINSIGSTKSZ), minimum_of_old);
}
const char* signal_name(int signal) noexcept {
#if __GLIBC_PREREQ(2, 32)
    return ::sigabbrev_np(signal);
#else
    static_cast<void>(signal);
    return nullptr;
#endif
}

WEFT_LEAF int process_descriptor(int pid) noexcept {
#if defined(SYS_pidfd_open)
    return static_cast<int>(or_error(::syscall(SYS_pidfd_open, pid, 0)));
#else
    static_cast<void>(pid);
    return -ENOSYS;
#endif
}
WEFT_LEAF int child_status(int descriptor, int pid, int options, siginfo_t& ended) noexcept {
    constexpr auto of_descriptor = static_cast<idtype_t>(3); // P_PIDFD
    ended.si_pid = 0;
    const int result = repeat_if_interrupted([&] {
        return descriptor < 0 ? ::waitid(P_PID, static_cast<id_t>(pid), &ended, options)
                              : ::waitid(of_descriptor, static_cast<id_t>(descriptor), &ended, options);
    });
    return result < 0 ? result : ended.si_pid;
}
WEFT_LEAF int signal_child(int descriptor, int pid, int signal) noexcept {
#if defined(SYS_pidfd_send_signal)
    if (descriptor >= 0)
        return static_cast<int>(or_error(::syscall(SYS_pidfd_send_signal, descriptor, signal, nullptr, 0)));
#else
    static_cast<void>(descriptor);
#endif
    return or_error(::kill(pid, signal));
}

} // namespace weft::sys
