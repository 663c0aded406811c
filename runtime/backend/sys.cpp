// SPDX-License-Identifier: BSL-1.0
#include "fiber/sanitizer_fiber.hpp"

#include <weft/backend/sys.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__GNUC__) && !defined(__clang__)
#define WEFT_LEAF [[gnu::noipa]]
#else
#define WEFT_LEAF [[gnu::noinline]]
#endif

namespace weft::sys {
namespace {

constexpr int madv_guard_install = 102;
constexpr int pidfd_self = -10000;
constexpr int rwf_nosignal = 0x100;

template <class Result>
Result or_error(Result result) noexcept {
    return result < 0 ? static_cast<Result>(-errno) : result;
}

template <class Call>
auto repeat_if_interrupted(Call call) noexcept {
    auto result = call();
    while (result < 0 && errno == EINTR) result = call();
    return or_error(result);
}

// A call that raises SIGPIPE for the calling thread, which is kept back meanwhile and taken away again if it was not pending before.
template <class Call>
long without_sigpipe(Call call) noexcept {
    sigset_t broken_pipe, before, pending;
    ::sigemptyset(&broken_pipe);
    ::sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    ::sigpending(&pending);
    const long done = repeat_if_interrupted(call);
    if (done == -EPIPE && ::sigismember(&pending, SIGPIPE) == 0) {
        const timespec at_once{};
        while (::sigtimedwait(&broken_pipe, nullptr, &at_once) < 0 && errno == EINTR) continue;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return done;
}

timespec to_timespec(std::int64_t ns) noexcept {
    return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

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
long send(int fd, const void* from, std::size_t size) noexcept {
    return ::send(fd, from, size, MSG_NOSIGNAL);
}
int epoll_wait(int epoll, epoll_event* events, int count, int timeout_ms) noexcept {
    return ::epoll_wait(epoll, events, count, timeout_ms);
}
#else
long recv(int fd, void* to, std::size_t size) noexcept {
    return ::syscall(SYS_recvfrom, fd, to, size, 0, nullptr, nullptr);
}
long send(int fd, const void* from, std::size_t size) noexcept {
    return ::syscall(SYS_sendto, fd, from, size, MSG_NOSIGNAL, nullptr, 0);
}
int epoll_wait(int epoll, epoll_event* events, int count, int timeout_ms) noexcept {
    return static_cast<int>(::syscall(SYS_epoll_pwait, epoll, events, count, timeout_ms, nullptr, 0));
}
#endif
} // namespace direct

} // namespace

WEFT_LEAF long read(int fd, void* to, std::size_t size) noexcept {
    return repeat_if_interrupted([&] { return ::read(fd, to, size); });
}
WEFT_LEAF long write(int fd, const void* from, std::size_t size) noexcept {
    return repeat_if_interrupted([&] { return ::write(fd, from, size); });
}
// Not repeated: on Linux the number is released even when close() says EINTR.
WEFT_LEAF int close(int fd) noexcept { return or_error(::close(fd)); }
WEFT_LEAF int event_fd() noexcept { return or_error(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
WEFT_LEAF int set_nonblocking(int fd, bool nonblocking) noexcept {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0) return -errno;
    const int before = (flags & O_NONBLOCK) != 0 ? 1 : 0;
    if (before == (nonblocking ? 1 : 0)) return before;
    return ::fcntl(fd, F_SETFL, flags ^ O_NONBLOCK) < 0 ? -errno : before;
}
WEFT_LEAF long write_gather(int fd, const iovec* parts, int count) noexcept {
    return repeat_if_interrupted([&] { return ::writev(fd, parts, count); });
}
// RWF_NOSIGNAL is of Linux 6.18. Before, the signal, which is raised for the thread that writes, is kept back and taken away again.
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
WEFT_LEAF int duplicate(int fd, int least) noexcept { return or_error(::fcntl(fd, F_DUPFD_CLOEXEC, least)); }

WEFT_LEAF int open_read(const char* path) noexcept {
    return repeat_if_interrupted([&] { return ::open(path, O_RDONLY | O_CLOEXEC); });
}
WEFT_LEAF long read_at(int fd, void* to, std::size_t size, std::uint64_t offset) noexcept {
    return repeat_if_interrupted([&] { return ::pread(fd, to, size, static_cast<off_t>(offset)); });
}
WEFT_LEAF long read_link(const char* path, char* to, std::size_t size) noexcept {
    return or_error(::readlink(path, to, size));
}

WEFT_LEAF int set_permissions(int fd, unsigned mode) noexcept { return or_error(::fchmod(fd, mode)); }
WEFT_LEAF int file_identity(const char* path, std::uint64_t& device, std::uint64_t& number) noexcept {
    struct stat found{};
    const int result = or_error(::lstat(path, &found));
    device = found.st_dev;
    number = found.st_ino;
    return result;
}
WEFT_LEAF int unlink(const char* path) noexcept { return or_error(::unlink(path)); }

WEFT_LEAF int socket(int domain, int type) noexcept {
    return or_error(::socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}
WEFT_LEAF int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
    return or_error(::bind(fd, address, size));
}
WEFT_LEAF int listen(int fd, int backlog) noexcept { return or_error(::listen(fd, backlog)); }
WEFT_LEAF int accept(int fd, sockaddr_storage& peer, socklen_t& size) noexcept {
    return repeat_if_interrupted([&] {
        size = sizeof peer;
        return ::accept4(fd, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    });
}
WEFT_LEAF int connect(int fd, const sockaddr* address, socklen_t size) noexcept {
    return or_error(::connect(fd, address, size));
}
WEFT_LEAF int shutdown(int fd, int how) noexcept { return or_error(::shutdown(fd, how)); }
WEFT_LEAF long recv(int fd, void* to, std::size_t size) noexcept {
    return repeat_if_interrupted([&] { return direct::recv(fd, to, size); });
}
WEFT_LEAF long send(int fd, const void* from, std::size_t size) noexcept {
    return repeat_if_interrupted([&] { return direct::send(fd, from, size); });
}
WEFT_LEAF long send_gather(int fd, const iovec* parts, std::size_t count) noexcept {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = count;
    return repeat_if_interrupted([&] { return ::sendmsg(fd, &message, MSG_NOSIGNAL); });
}
WEFT_LEAF int set_option(int fd, int level, int name, int value) noexcept {
    return or_error(::setsockopt(fd, level, name, &value, sizeof value));
}
WEFT_LEAF int get_option(int fd, int level, int name, int& value) noexcept {
    socklen_t size = sizeof value;
    return or_error(::getsockopt(fd, level, name, &value, &size));
}
WEFT_LEAF int local_name(int fd, sockaddr_storage& address, socklen_t& size) noexcept {
    return or_error(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size));
}
WEFT_LEAF int peer_name(int fd, sockaddr_storage& address, socklen_t& size) noexcept {
    return or_error(::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size));
}

WEFT_LEAF int socket_pair(int domain, int type, int (&numbers)[2]) noexcept {
    return or_error(::socketpair(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, numbers));
}

WEFT_LEAF long send_to(
    int fd, const void* from, std::size_t size, const sockaddr* to, socklen_t to_size) noexcept {
    return repeat_if_interrupted([&] { return ::sendto(fd, from, size, MSG_NOSIGNAL, to, to_size); });
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
        [&] { return ::sendmmsg(fd, all.headers, static_cast<unsigned>(count), MSG_NOSIGNAL); });
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

namespace {

// Room for one descriptor and no more, which CMSG_SPACE's padding would give.
struct descriptor_message {
    descriptor_message() noexcept {
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = CMSG_LEN(sizeof(int));
    }
    char byte = 0;
    iovec part{.iov_base = &byte, .iov_len = 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
    msghdr header{};
};

} // namespace

WEFT_LEAF long send_descriptor(int socket, int fd) noexcept {
    descriptor_message message;
    cmsghdr* const rights = CMSG_FIRSTHDR(&message.header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    return repeat_if_interrupted([&] { return ::sendmsg(socket, &message.header, MSG_NOSIGNAL); });
}
WEFT_LEAF long receive_descriptor(int socket, int& fd) noexcept {
    descriptor_message message;
    const long got =
        repeat_if_interrupted([&] { return ::recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC); });
    fd = -1;
    if (got <= 0) return got;
    const cmsghdr* const rights = CMSG_FIRSTHDR(&message.header);
    if (rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
        rights->cmsg_len >= CMSG_LEN(sizeof fd))
        std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
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

WEFT_LEAF void* map_reserve(std::size_t size) noexcept {
    void* at = ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? nullptr : at;
}
WEFT_LEAF int map_open(void* at, std::size_t size) noexcept {
    return or_error(::mprotect(at, size, PROT_READ | PROT_WRITE));
}
WEFT_LEAF int map_close_access(void* at, std::size_t size) noexcept {
    return or_error(::mprotect(at, size, PROT_NONE));
}
WEFT_LEAF int unmap(void* at, std::size_t size) noexcept { return or_error(::munmap(at, size)); }
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

WEFT_LEAF std::size_t page_size() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }
WEFT_LEAF std::uint64_t resource_limit(int which) noexcept {
    rlimit limit{};
    // glibc declares the first parameter as an enumeration in C++ and as int elsewhere.
    if (::getrlimit(static_cast<decltype(RLIMIT_AS)>(which), &limit) != 0) return no_limit;
    return limit.rlim_cur == RLIM_INFINITY ? no_limit : limit.rlim_cur;
}
WEFT_LEAF long read_file(const char* path, void* to, std::size_t size) noexcept {
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return or_error(fd);
    const long got = repeat_if_interrupted([&] { return ::read(fd, to, size); });
    ::close(fd);
    return got;
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
void pause() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb");
#endif
}
WEFT_LEAF bool ready_now(int fd, bool for_writing) noexcept {
    pollfd one{fd, static_cast<short>(for_writing ? POLLOUT : POLLIN), 0};
    return ::poll(&one, 1, 0) != 0;
}
WEFT_LEAF void nap(std::int64_t ns) noexcept {
    const timespec time{ns / 1'000'000'000, ns % 1'000'000'000};
    ::nanosleep(&time, nullptr);
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
WEFT_LEAF const char* environment(const char* name) noexcept {
    return std::getenv(name);
} // NOLINT(concurrency-mt-unsafe): weft sets none

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

WEFT_LEAF int signal_action(int signal, const struct sigaction* now, struct sigaction* before) noexcept {
    return or_error(::sigaction(signal, now, before));
}
WEFT_LEAF int signal_unblock(int signal) noexcept {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, signal);
    return -::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}
WEFT_LEAF int signal_queue(int thread, siginfo_t& information) noexcept {
    return static_cast<int>(
        or_error(::syscall(SYS_rt_tgsigqueueinfo, ::getpid(), thread, information.si_signo, &information)));
}
WEFT_LEAF int signal_stack(const stack_t* now, stack_t* before) noexcept {
    return or_error(::sigaltstack(now, before));
}
// Kernels that do not say have frames that fit the constant of old.
WEFT_LEAF std::size_t signal_frame_size() noexcept {
    constexpr std::size_t minimum_of_old = 5120;
    return std::max<std::size_t>(::getauxval(AT_MINSIGSTKSZ), minimum_of_old);
}
WEFT_LEAF void signal_wait() noexcept { ::pause(); }
WEFT_LEAF void alarm_after(unsigned seconds) noexcept { ::alarm(seconds); }
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
