// SPDX-License-Identifier: BSL-1.0
#include "poller/outcome.hpp"
#include "process/child.hpp"
#include "process/process_access.hpp"

#include <weft/cancelled.hpp>
#include <weft/fiber.hpp>
#include <weft/net/error.hpp>
#include <weft/net/process.hpp>
#include <weft/waiting/park.hpp>

#include <errno.h>

namespace weft::net {

process::process() noexcept = default;
process::process(std::shared_ptr<child> of) noexcept : child_(std::move(of)) {}
process::process(process&&) noexcept = default;

process& process::operator=(process&& other) noexcept {
    if (this == &other) return *this;
    end();
    child_ = std::move(other.child_);
    stdin_ = std::move(other.stdin_);
    stdout_ = std::move(other.stdout_);
    stderr_ = std::move(other.stderr_);
    return *this;
}

process::~process() { end(); }

void process::end() noexcept {
    if (child_ != nullptr) child_->end();
}

int process::pid() const noexcept { return child_ == nullptr ? 0 : child_->pid(); }

std::optional<exit_status> process::wait_before(clock::time_point deadline) {
    if (child_ != nullptr) return child_->await(deadline);
    cancellation_point();
    throw_no_child({});
}

// NOLINTNEXTLINE(bugprone-unchecked-optional-access): the end of time does not come
exit_status process::wait() { return *wait_before(never); }

exit_status process::wait(std::error_code& ec) {
    ec.clear();
    try {
        return wait();
    } catch (const io_error& error) {
        ec = error.code();
        return exit_status::of_code(-1);
    }
}

std::optional<exit_status> process::try_wait() {
    if (child_ == nullptr) throw_no_child({});
    if (child_->look() == child::state::running) return std::nullopt;
    return child_->status();
}

void process::kill(int signal, std::error_code& ec) noexcept {
    ec = outcome::to_error_code(child_ == nullptr ? -ESRCH : child_->kill(signal));
}

void process::kill(int signal) {
    std::error_code ec;
    kill(signal, ec);
    if (!ec) return;
    const std::string whom = child_ == nullptr ? "no process" : "'" + child_->program() + "'";
    throw io_error(ec, "signal " + std::to_string(signal) + " to " + whom);
}

void process::detach() {
    if (child_ != nullptr && child_->look() == child::state::running) {
        weft::go({.name = "detached process"}, [of = child_] {
            try {
                of->await(never);
            } catch (const cancelled&) { // the runtime ends
                return;
            } catch (const io_error&) { // somebody else has waited for it
                return;
            }
        }).detach();
    }
    child_ = nullptr;
    *this = process();
}

namespace detail {
namespace {

const descriptor& notice_of(const child* of) noexcept {
    static const descriptor none; // not open
    return of == nullptr ? none : of->notice();
}

} // namespace

exit_source::exit_source(std::shared_ptr<child> of) noexcept
    : readiness_source(notice_of(of.get()), false),
      of_(std::move(of)) {}
exit_source::exit_source(const process& of) noexcept : exit_source(process_access::child_of(of)) {}
exit_source::~exit_source() = default;

// The system says that the process has ended no later than it lets it be waited for.
bool exit_source::take() {
    if (of_ == nullptr) throw_no_child({});
    return readiness_source::take() && of_->look() != child::state::running;
}
bool exit_source::happened() const noexcept { return of_->look() != child::state::running; }

exit_status exit_source::status() const { return of_->status(); }

} // namespace detail
} // namespace weft::net
