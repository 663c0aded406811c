// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>

#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

struct epoll_event;
struct kevent;

// The system-call seam: every call that weft makes to the kernel goes through here. Each wrapper returns what the call
// returned, or -errno; errno is read in the same leaf function, because its address is another one after a migration
// and compilers cache it. EINTR is retried where the call can simply be repeated.
namespace weft::sys {

// descriptors
long read(int fd, void* to, std::size_t size) noexcept;
long write(int fd, const void* from, std::size_t size) noexcept;
int close(int fd) noexcept;
int event_fd() noexcept;
bool ready_now(int fd, bool for_writing) noexcept;      // a call would not wait
int set_nonblocking(int fd, bool nonblocking) noexcept; // what it was before: 0 or 1
long write_gather(int fd, const iovec* parts, int count) noexcept;
long write_gather_no_signal(int fd, const iovec* parts, int count) noexcept; // raises no SIGPIPE
int pipe(int (&ends)[2]) noexcept;                                           // read from the first
int duplicate(int fd, int least) noexcept;                                   // as a number not below that

// files
int open_read(const char* path) noexcept;
long read_at(int fd, void* to, std::size_t size, std::uint64_t offset) noexcept;
int set_permissions(int fd, unsigned mode) noexcept;
int file_identity(
    const char* path, std::uint64_t& device, std::uint64_t& number) noexcept; // links not followed
int unlink(const char* path) noexcept;
long read_link(const char* path, char* to, std::size_t size) noexcept; // its length; no zero at the end

// sockets
int socket(int domain, int type) noexcept;
int bind(int fd, const sockaddr* address, socklen_t size) noexcept;
int listen(int fd, int backlog) noexcept;
int accept(int fd, sockaddr_storage& peer, socklen_t& size) noexcept;
int connect(int fd, const sockaddr* address, socklen_t size) noexcept;
int shutdown(int fd, int how) noexcept;
long recv(int fd, void* to, std::size_t size) noexcept;
long send(int fd, const void* from, std::size_t size) noexcept;
long send_gather(int fd, const iovec* parts, std::size_t count) noexcept;
void suppress_sigpipe(int fd) noexcept; // for a socket made elsewhere, where a send cannot say so itself
int set_option(int fd, int level, int name, int value) noexcept;
int get_option(int fd, int level, int name, int& value) noexcept;
int local_name(int fd, sockaddr_storage& address, socklen_t& size) noexcept;
int peer_name(int fd, sockaddr_storage& address, socklen_t& size) noexcept;
int socket_pair(int domain, int type, int (&numbers)[2]) noexcept;
long send_file(int to, int from, std::uint64_t offset, std::size_t count) noexcept; // without SIGPIPE

// datagrams
struct message {
    void* bytes = nullptr;
    std::size_t size = 0; // receiving: set to what came
    sockaddr_storage* address = nullptr;
    socklen_t address_size = 0; // receiving: set
    bool truncated = false;     // receiving: set
};
inline constexpr std::size_t most_messages = 32; // at a time
long send_to(int fd, const void* from, std::size_t size, const sockaddr* to, socklen_t to_size) noexcept;
long send_messages(int fd, message* messages, std::size_t count) noexcept; // how many
long receive_messages(int fd, message* messages, std::size_t count) noexcept;
long receive_message(int fd, message& one) noexcept; // its size

// Unix sockets: a descriptor along with one byte. What is received is closed on exec; -1: none came with the byte.
long send_descriptor(int socket, int fd) noexcept;
long receive_descriptor(int socket, int& fd) noexcept;
int peer_credentials(int fd, pid_t& process, uid_t& user, gid_t& group) noexcept;

// epoll
int epoll_create() noexcept;
int epoll_control(int epoll, int operation, int fd, std::uint32_t events, std::uint64_t data) noexcept;
int epoll_wait(
    int epoll, epoll_event* events, int count, std::int64_t timeout_ns) noexcept; // negative: for ever

// kqueue, where it is what this build polls with
int kqueue_create() noexcept;
int kqueue_change(
    int queue, const struct kevent* changes, int count) noexcept; // stops at the first that fails
int kqueue_wait(int queue, struct kevent* events, int count, std::int64_t timeout_ns) noexcept;
int refuse_file(
    int fd) noexcept; // -EPERM: a file, a directory or a block device, which never make anybody wait

// memory
void* map_reserve(std::size_t size) noexcept; // address space without access; nullptr: none left
int map_open(void* at, std::size_t size) noexcept;
int map_close_access(void* at, std::size_t size) noexcept;
int unmap(void* at, std::size_t size) noexcept;
int guard_install(void* at, std::size_t size) noexcept; // MADV_GUARD_INSTALL
int discard_pages(void* at, std::size_t size) noexcept;
int no_huge_pages(void* at, std::size_t size) noexcept;
bool guard_works(void* at) noexcept; // true if the kernel refuses to read that byte for us
// The same for many ranges in one call (Linux 6.14): the bytes done, fewer than asked for after the first that failed.
long guard_install_each(const iovec* ranges, std::size_t count) noexcept;
long discard_pages_each(const iovec* ranges, std::size_t count) noexcept;

// limits
inline constexpr std::uint64_t no_limit = ~std::uint64_t{0};
std::size_t page_size() noexcept;
std::uint64_t resource_limit(int which) noexcept; // the soft one of RLIMIT_...
long read_file(const char* path, void* to, std::size_t size) noexcept;

// threads
int futex_wait(const std::uint32_t* word, std::uint32_t expected, std::int64_t timeout_ns) noexcept;
int futex_wake(const std::uint32_t* word, int count) noexcept;
void pause() noexcept;
void nap(std::int64_t ns) noexcept;  // may end early
bool membarrier_register() noexcept; // true: membarrier() may be called
void membarrier() noexcept;          // a full fence in every thread of the process
void finest_timer_slack() noexcept;
unsigned usable_cpus() noexcept; // affinity and cgroup quota counted, at least 1

int thread_id() noexcept;
void name_thread(const char* name) noexcept;       // the calling one; at most 15 characters are kept
std::int64_t thread_cpu_time(int thread) noexcept; // in nanoseconds; 0: there is no such thread
unsigned thread_count() noexcept;                  // of this process; 0: unknown
const char* environment(const char* name) noexcept;

// signals
int signal_action(int signal, const struct sigaction* now, struct sigaction* before) noexcept;
int signal_unblock(int signal) noexcept;                        // for this thread
int signal_queue(int thread, siginfo_t& all_of_it) noexcept;    // to a thread of this process
int signal_stack(const stack_t* now, stack_t* before) noexcept; // this thread's alternate one
std::size_t signal_frame_size() noexcept;     // what the kernel itself puts on the stack of a handler
void signal_wait() noexcept;                  // until a handler has run
void alarm_after(unsigned seconds) noexcept;  // SIGALRM
const char* signal_name(int signal) noexcept; // "INT"; nullptr: none is known

// child processes
struct spawn_request {
    static constexpr int inherit = -1;
    static constexpr int null = -2; // /dev/null

    const char* program; // without a slash: looked for in this process's PATH
    char* const* arguments;
    char* const* environment;                     // nullptr: that of this process
    const char* directory;                        // nullptr: that of this process
    int streams[3] = {inherit, inherit, inherit}; // its descriptors 0, 1 and 2; those given are above 2
    bool own_group = false;
};
// Starts it with those three descriptors alone, no signal blocked and each with its default action. Blocks until the program is
// loaded; 0, or what exec reports.
int spawn(const spawn_request& what, int& pid) noexcept;
char* const* all_environment() noexcept;
int process_descriptor(int pid) noexcept; // readable once it has ended; -ENOSYS: the system has none
// Waits for the process of a descriptor, or, if that is negative, of a number; `options` as of waitid. Its number, or 0 if it still
// runs.
int child_status(int descriptor, int pid, int options, siginfo_t& ended) noexcept;
int signal_child(int descriptor, int pid, int signal) noexcept;

} // namespace weft::sys
