// SPDX-License-Identifier: BSL-1.0
#include "process/child.hpp"

#include "poller/outcome.hpp"
#include "process/owned_number.hpp"

#include <weft/backend/sys.hpp>
#include <weft/net/error.hpp>
#include <weft/waiting/park.hpp>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <errno.h>
#include <sys/wait.h>

namespace weft::net {
namespace {

constexpr wait_reason reason{"a process to end", true};

// How long end() trusts in being woken, at first and at last: the runtime whose poller would do it may be gone.
constexpr clock::duration shortest_look = std::chrono::milliseconds(1);
constexpr clock::duration longest_look = std::chrono::milliseconds(100);

exit_status status_of(const siginfo_t& ended) noexcept {
    return ended.si_code == CLD_EXITED ? exit_status::of_code(ended.si_status)
                                       : exit_status::of_signal(ended.si_status);
}

// The read end of a pipe whose other end is closed when the process has ended, or has been waited for by somebody else.
int notice_without_descriptor(int pid, bool gone) {
    int ends[2];
    if (const int result = sys::pipe(ends); result < 0)
        throw std::system_error(-result, std::system_category(), "pipe");
    owned_number read_end(ends[0]);
    owned_number write_end(ends[1]);
    if (!gone) {
        std::thread([pid, held = std::move(write_end)] {
            siginfo_t ended{};
            sys::child_status(-1, pid, WEXITED | WNOWAIT, ended);
        }).detach();
    }
    return read_end.release();
}

class waiting_for_exit final : public detail::exit_source {
public:
    explicit waiting_for_exit(std::shared_ptr<child> of) noexcept : exit_source(std::move(of)) {}
    using exit_source::status;
};

} // namespace

void throw_no_child(const std::string& program) {
    throw io_error(std::make_error_code(std::errc::no_child_process),
        program.empty() ? "wait for a process" : "wait for '" + program + "'");
}

std::shared_ptr<child> child::take_charge(int pid, const std::string& program) {
    try {
        owned_number notice(sys::process_descriptor(pid));
        const int result = notice.number();
        const bool gone = result == -ESRCH; // SIGCHLD is ignored, and it was quick
        if (result < 0 && !gone && result != -ENOSYS && result != -EPERM)
            throw std::system_error(-result, std::system_category(), "pidfd_open");
        if (result < 0) notice = owned_number(notice_without_descriptor(pid, gone));
        auto made = std::make_shared<child>(pid, result, notice.number(), program);
        notice.release();
        if (gone) made->state_ = state::lost;
        return made;
    } catch (...) {
        siginfo_t ended{};
        sys::signal_child(-1, pid, SIGKILL);
        sys::child_status(-1, pid, WEXITED, ended);
        throw;
    }
}

child::child(int pid, int own_descriptor, int notice, std::string program)
    : pid_(pid),
      own_descriptor_(own_descriptor),
      notice_(notice),
      program_(std::move(program)) {}

child::state child::look() noexcept {
    const std::lock_guard guard(lock_); // [P1]
    if (state_ != state::running) return state_;
    siginfo_t ended{};
    const int result = sys::child_status(own_descriptor_, pid_, WEXITED | WNOHANG, ended);
    if (result > 0) {
        state_ = state::ended;
        status_ = status_of(ended);
    } else if (result < 0) {
        state_ = state::lost;
    }
    return state_;
}

exit_status child::status() const {
    const std::lock_guard guard(lock_);
    if (state_ == state::lost) throw_no_child(program_);
    return status_;
}

long child::kill(int signal) noexcept {
    const std::lock_guard guard(lock_); // [P1]
    return state_ == state::running ? sys::signal_child(own_descriptor_, pid_, signal) : -ESRCH;
}

std::optional<exit_status> child::await(clock::time_point deadline) {
    begin_operation();
    waiting_for_exit end(std::shared_ptr<child>(std::shared_ptr<child>(), this)); // the caller keeps it
    waiter& me = this_waiter();
    wait_node& node = end.node();
    for (;;) {
        {
            const std::lock_guard guard(*end.lock());
            if (end.take()) return end.status();
            node.who = &me;
            node.epoch = me.arm(reason);
            end.enqueue();
        }
        const wake_cause cause = park(deadline);
        if (cause == node.which) continue;
        {
            const std::lock_guard guard(*end.lock());
            end.withdraw();
        }
        if (cause == wake_cause::cancelled) throw_cancelled();
        return std::nullopt;
    }
}

void child::end() noexcept {
    const cancellation_shield shield;
    kill(SIGKILL);
    try {
        for (clock::duration patience = shortest_look; !await(clock::now() + patience);)
            patience = std::min(2 * patience, longest_look);
    } catch (const io_error&) {
        return; // somebody else has waited for it
    }
}

} // namespace weft::net
