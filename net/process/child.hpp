// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/process.hpp>
#include <weft/waiting/spin_lock.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

// A child process, from its start until it has been waited for.
//
// Purpose. The kernel keeps the number of a process that has ended, and how it ended, until its parent waits for it, once.
// Many here may want to know: one of them waits, all find the result.
//
// Who may call. Any fiber or thread.
//
// notice_ becomes readable when the process has ended, and stays so: it is the process's own descriptor, or, where the system
// has none, the end of a pipe whose other end a thread holds while it waits for the process. Only then is the process waited
// for, and that never blocks.
//
// state_: running -> ended, or lost: somebody else has waited for it. Changed under lock_, once.
// [P1] Nobody here frees the number but under lock_, when the state changes; a signal is sent under lock_ while it is running. So
//      no signal goes to another process that has the number next, with or without a descriptor of the process.
//
// Memory. Shared by the handle, the fiber that detach() starts, and those who wait.
namespace weft::net {

class child {
public:
    enum class state : std::uint8_t { running, ended, lost };

    // Takes charge of a process that has just been started. If it throws (std::system_error, std::bad_alloc), that is killed
    // and waited for.
    static std::shared_ptr<child> take_charge(int pid, const std::string& program);

    child(int pid, int own_descriptor, int notice, std::string program);

    int pid() const noexcept { return pid_; }
    const descriptor& notice() const noexcept { return notice_; }
    const std::string& program() const noexcept { return program_; }

    // Never block.
    state look() noexcept;
    exit_status status() const; // after look() has not said running; throws if lost
    long kill(int signal) noexcept;

    // A blocking call; as process::wait_until.
    std::optional<exit_status> await(clock::time_point deadline);
    // Kills it, unless it has ended, and waits for its end; not to be cancelled.
    void end() noexcept;

private:
    const int pid_;
    const int own_descriptor_; // that of notice_; negative: the system has none
    const descriptor notice_;
    const std::string program_;

    mutable spin_lock lock_;
    state state_ = state::running;
    exit_status status_ = exit_status::of_code(-1);
};

[[noreturn]] void throw_no_child(const std::string& program);

} // namespace weft::net
