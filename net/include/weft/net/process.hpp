// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/net/descriptor.hpp>
#include <weft/net/readiness.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {
namespace net {

class child;
class process;

// How a process ended.
class [[gnu::visibility("default")]] exit_status {
public:
    static constexpr exit_status of_code(int code) noexcept { return {code, 0}; }
    static constexpr exit_status of_signal(int signal) noexcept { return {-1, signal}; }

    // It returned from main, or called exit, with 0.
    constexpr bool success() const noexcept { return code_ == 0; }
    // What it gave to exit, 0 to 255; -1: a signal ended it.
    constexpr int code() const noexcept { return code_; }
    // The signal that ended it; 0: none did.
    constexpr int signal() const noexcept { return signal_; }
    // "exit code 3", "signal 9 (SIGKILL)"
    std::string to_string() const;

    friend constexpr bool operator==(const exit_status&, const exit_status&) noexcept = default;

private:
    constexpr exit_status(int code, int signal) noexcept : code_(code), signal_(signal) {}

    int code_;
    int signal_;
};

// Where one of the standard streams of a child comes from or goes to: one of these, or a descriptor, of which the child gets
// a copy: by its number, or a stream of weft's. A stream is made blocking by spawn(), since programs expect that, and is to
// be used here no more, but to be closed: a call that has to wait would keep its thread.
enum class stdio {
    inherit, // what this process has
    null,    // /dev/null
    pipe     // the other end of process::stdin_pipe() etc.
};
class stdio_target {
public:
    constexpr stdio_target(stdio kind) noexcept : kind_(kind) {}
    constexpr stdio_target(int fd) noexcept : fd_(fd) {}
    stdio_target(const pollable& stream) noexcept : fd_(stream.native_handle()), make_blocking_(true) {}
    friend constexpr bool operator==(const stdio_target&, const stdio_target&) noexcept = default;

private:
    friend class stdio_ends;

    std::optional<stdio> kind_; // none: fd_
    int fd_ = -1;
    bool make_blocking_ = false;
};

struct process_options {
    // NOLINTBEGIN(readability-identifier-naming): stdin and so on are macros
    stdio_target stdin_ = stdio::inherit;
    stdio_target stdout_ = stdio::inherit;
    stdio_target stderr_ = stdio::inherit;
    // NOLINTEND(readability-identifier-naming)
    std::optional<std::vector<std::string>>
        environment{};                            // all of it, "NAME=value" each; none: that of this process
    std::vector<std::string> extra_environment{}; // set in addition, "NAME=value" each
    std::string directory{};                      // empty: that of this process
    bool own_group = false; // leads a process group of its own: Ctrl-C on the terminal is not for it
};

struct output_options;
struct process_output;

// A child process. Its handle is move-only; but for moving, destroying and detach() it is thread-safe.
//
// The end of the handle. A child that still runs is killed (SIGKILL) and waited for, so that nothing is left of it, no zombie
// either: what is started in a scope, or by a fiber that is cancelled, does not outlive it. detach() lets it live.
//
// A child belongs to the poller of the runtime that spawned it, as a stream does; on a plain thread to the default runtime.
class [[gnu::visibility("default")]] process {
public:
    process() noexcept; // none
    process(process&&) noexcept;
    process& operator=(process&&) noexcept;
    ~process();

    // Starts a program: arguments[0] is its path or, if it has no slash, its name, looked for in PATH; a path is relative to
    // options.directory. The child has its three standard streams and no other descriptor of this process, no signal blocked,
    // and each signal with its default action.
    //
    // Blocks the calling fiber, while a helper thread (weft/blocking.hpp) does it, or the calling thread, until the program
    // is loaded: about a millisecond. A cancellation point: then nothing was started, or it is killed at once. Errors:
    // io_error that names the program: what exec reports (no_such_file_or_directory, permission_denied,
    // executable_format_error), the same for options.directory; no descriptors, processes, threads or memory;
    // invalid_argument: no program, a zero byte in a string, or a variable without "="; bad_file_descriptor: a stream that is
    // not open. The form with an error_code then gives none.
    static process spawn(const std::vector<std::string>& arguments, const process_options& options = {});
    static process spawn(
        const std::vector<std::string>& arguments, const process_options& options, std::error_code& ec);
    static process spawn(const std::vector<std::string>& arguments, std::error_code& ec);

    // Spawns a program, gives it its input, and waits for its end and for that of both outputs; other processes that have
    // inherited those keep them open. A cancellation point: then the program is killed, as with every other exception.
    // Errors: those of spawn; errc::message_too_long: one of the outputs has more bytes than options.limit; it is no error if
    // the program does not read all its input.
    static process_output output(const std::vector<std::string>& arguments, const output_options& options);
    static process_output output(const std::vector<std::string>& arguments);

    // True: there is a child that has not been waited for, or this one knows how it ended.
    explicit operator bool() const noexcept { return child_ != nullptr; }
    // 0: none. After it was waited for, the number may belong to another process.
    int pid() const noexcept;

    // The parent's end of a stream that is stdio::pipe; not open for the others. To let the child see the end of its input, close
    // stdin_pipe(). A write to a child that does not read any more fails with broken_pipe, without SIGPIPE.
    descriptor& stdin_pipe() noexcept { return stdin_; }
    descriptor& stdout_pipe() noexcept { return stdout_; }
    descriptor& stderr_pipe() noexcept { return stderr_; }

    // Waits until the child has ended; asked again, it gives the same. Blocks the calling fiber or thread. A cancellation
    // point. Pipes are left as they are: a child that waits for somebody to read what it writes does not end. Errors:
    // io_error, no_child_process: there is none, or somebody else has waited for it (waitpid(-1), or SIGCHLD is ignored).
    exit_status wait();
    exit_status wait(std::error_code& ec); // ec: of_code(-1)
    // The same until the deadline: nothing. An end that has come is told even if the deadline has passed.
    template <class Rep, class Period>
    std::optional<exit_status> wait_for(std::chrono::duration<Rep, Period> duration) {
        return wait_before(weft::deadline_after(duration));
    }
    template <class Duration>
    std::optional<exit_status> wait_until(std::chrono::time_point<clock, Duration> deadline) {
        return wait_before(clock::time_point(to_clock_duration(deadline.time_since_epoch())));
    }
    template <class Clock, class Duration>
    std::optional<exit_status> wait_until(std::chrono::time_point<Clock, Duration> deadline) {
        return wait_for(deadline - Clock::now());
    }
    // Never blocks. Nothing: it still runs.
    std::optional<exit_status> try_wait();

    // Sends it a signal. Never blocks. Errors: io_error, no_such_process: its end was seen by a wait already, so its number
    // may be another's by now, which never gets the signal. invalid_argument, operation_not_permitted: as kill(2).
    void kill(int signal);
    void kill(int signal, std::error_code& ec) noexcept;

    // Lets it run on by itself, without this handle, whose pipes are closed. A fiber of the calling runtime waits for its
    // end, so that it leaves no zombie while that runtime lives. Throws what weft::go throws; then nothing has changed.
    void detach();

private:
    friend struct process_access;

    explicit process(std::shared_ptr<child> of) noexcept;
    std::optional<exit_status> wait_before(clock::time_point deadline);
    void end() noexcept;

    std::shared_ptr<child> child_;
    descriptor stdin_;
    descriptor stdout_;
    descriptor stderr_;
};

struct output_options {
    std::string_view input{};                  // what it reads from its standard input
    std::size_t limit = std::size_t{16} << 20; // the most bytes of each of the outputs
    // A stream that is not stdio::inherit is what it says, and its bytes are not collected or given.
    process_options process{};
};

struct process_output {
    exit_status status;
    std::string out{};
    std::string err{};
};

namespace detail {

// The end of a child, waited for.
class [[gnu::visibility("default")]] exit_source : public readiness_source {
public:
    bool take() override;
    bool happened() const noexcept override;

protected:
    explicit exit_source(const process& of) noexcept;
    explicit exit_source(std::shared_ptr<child> of) noexcept;
    ~exit_source();
    exit_status status() const; // after it happened

private:
    std::shared_ptr<child> of_;
};

template <class Handler>
class exit_case final : public exit_source {
public:
    using result = std::invoke_result_t<Handler&, exit_status>;

    exit_case(const process& of, Handler handler) : exit_source(of), handler_(std::move(handler)) {}
    result run() { return std::invoke(handler_, status()); }

private:
    Handler handler_;
};

} // namespace detail
} // namespace net

// A case of a select. handler(exit_status): the process has ended. Throws what wait would.
template <class Handler>
auto on_exit(const net::process& of, Handler handler) {
    return net::detail::exit_case<Handler>(of, std::move(handler));
}

} // namespace weft
