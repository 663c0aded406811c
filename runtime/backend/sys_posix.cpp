// SPDX-License-Identifier: BSL-1.0
#include "backend/leaf.hpp"

#include <weft/backend/sys.hpp>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// The part of the seam that every system has alike; sys_linux.cpp and sys_bsd.cpp have what is each one's own.
namespace weft::sys {
namespace {

#ifdef MSG_CMSG_CLOEXEC
constexpr int closed_on_exec = MSG_CMSG_CLOEXEC;
#else
constexpr int closed_on_exec = 0;
#endif

} // namespace

#ifndef MAP_NORESERVE // memory is not reserved anyway
#define MAP_NORESERVE 0
#endif

WEFT_LEAF long read(int fd, void* to, std::size_t size) noexcept {
    return repeat_if_interrupted([&] { return ::read(fd, to, size); });
}
WEFT_LEAF long write(int fd, const void* from, std::size_t size) noexcept {
    return repeat_if_interrupted([&] { return ::write(fd, from, size); });
}
// Not repeated: on Linux the number is released even when close() says EINTR.
WEFT_LEAF int close(int fd) noexcept { return or_error(::close(fd)); }

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

WEFT_LEAF int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
    return or_error(::bind(fd, address, size));
}
WEFT_LEAF int listen(int fd, int backlog) noexcept { return or_error(::listen(fd, backlog)); }

WEFT_LEAF int connect(int fd, const sockaddr* address, socklen_t size) noexcept {
    return or_error(::connect(fd, address, size));
}
WEFT_LEAF int shutdown(int fd, int how) noexcept { return or_error(::shutdown(fd, how)); }

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

WEFT_LEAF long send_gather(int fd, const iovec* parts, std::size_t count) noexcept {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(count);
    return repeat_if_interrupted([&] { return static_cast<long>(::sendmsg(fd, &message, no_signal)); });
}
WEFT_LEAF long send_to(
    int fd, const void* from, std::size_t size, const sockaddr* to, socklen_t to_size) noexcept {
    return repeat_if_interrupted(
        [&] { return static_cast<long>(::sendto(fd, from, size, no_signal, to, to_size)); });
}
// For one datagram it takes three quarters of recvmmsg's time.
WEFT_LEAF long receive_message(int fd, message& one) noexcept {
    iovec part{.iov_base = one.bytes, .iov_len = one.size};
    msghdr header{};
    header.msg_name = one.address;
    header.msg_namelen = one.address_size;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    const long size = repeat_if_interrupted([&] { return static_cast<long>(::recvmsg(fd, &header, 0)); });
    if (size < 0) return size;
    one.size = static_cast<std::size_t>(size);
    one.address_size = header.msg_namelen;
    one.truncated = (header.msg_flags & MSG_TRUNC) != 0;
    return size;
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
    alignas(cmsghdr) char control[64]{}; // CMSG_SPACE() is not constant everywhere
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
    return repeat_if_interrupted(
        [&] { return static_cast<long>(::sendmsg(socket, &message.header, no_signal)); });
}
WEFT_LEAF long receive_descriptor(int socket, int& fd) noexcept {
    descriptor_message message;
    const long got = repeat_if_interrupted(
        [&] { return static_cast<long>(::recvmsg(socket, &message.header, closed_on_exec)); });
    fd = -1;
    if (got <= 0) return got;
    cmsghdr* const rights = CMSG_FIRSTHDR(&message.header);
    if (rights == nullptr || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS ||
        rights->cmsg_len < CMSG_LEN(sizeof fd))
        return got;
    std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    if (closed_on_exec == 0) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    return got;
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

// NOLINTNEXTLINE(concurrency-mt-unsafe): weft sets none
WEFT_LEAF const char* environment(const char* name) noexcept { return std::getenv(name); }

WEFT_LEAF int signal_action(int signal, const struct sigaction* now, struct sigaction* before) noexcept {
    return or_error(::sigaction(signal, now, before));
}
// Unqualified: some systems have macros.
WEFT_LEAF int signal_unblock(int signal) noexcept {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    return -::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

WEFT_LEAF int signal_stack(const stack_t* now, stack_t* before) noexcept {
    return or_error(::sigaltstack(now, before));
}

WEFT_LEAF void signal_wait() noexcept { ::pause(); }
WEFT_LEAF void alarm_after(unsigned seconds) noexcept { ::alarm(seconds); }

} // namespace weft::sys
