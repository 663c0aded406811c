// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>

#include <chrono>
#include <system_error>
#include <utility>

namespace weft::net {

class registration;

namespace detail {

// What does not fit is never, or the longest ago there is.
template <class Rep, class Period>
clock::time_point deadline_after(std::chrono::duration<Rep, Period> duration) noexcept {
    using seconds = std::chrono::duration<double>;
    if (duration <= std::chrono::duration<Rep, Period>::zero()) return clock::time_point::min();
    const clock::time_point now = clock::now();
    if (std::chrono::duration_cast<seconds>(duration) >= seconds(clock::time_point::max() - now))
        return clock::time_point::max();
    return now + std::chrono::ceil<clock::duration>(duration);
}

} // namespace detail

// What all that owns a descriptor has in common. Thread-safe but for being moved and destroyed. An object
// that was moved from, or came from a failed connect or accept, is not open: calls on it fail with
// bad_file_descriptor.
class [[gnu::visibility("default")]] pollable {
public:
    pollable(const pollable&) = delete;
    pollable& operator=(const pollable&) = delete;

    bool is_open() const noexcept;
    // -1 if it is not open. Valid until close(), whoever else calls that.
    int native_handle() const noexcept;

    // Never blocks. Calls parked here end with operation_canceled, later ones with bad_file_descriptor, a
    // second close, too. The descriptor's number is given back when the last call has left. The destructor
    // closes quietly.
    void close();
    void close(std::error_code& ec) noexcept;

    // The time at which calls, pending ones included, fail with errc::deadline_exceeded; it stays passed,
    // even for what would not have to wait, until it is set anew. A duration counts from now; zero or less:
    // passed already. clock::time_point::max(), or clear_deadline: never. Never blocks. Throws io_error
    // (bad_file_descriptor).
    void set_deadline(clock::time_point deadline) { set_deadlines(deadline, true, true); }
    template <class Rep, class Period>
    void set_deadline(std::chrono::duration<Rep, Period> from_now) {
        set_deadline(detail::deadline_after(from_now));
    }
    void clear_deadline() { set_deadline(clock::time_point::max()); }

protected:
    friend struct pollable_access;

    pollable() noexcept = default;
    explicit pollable(registration& of) noexcept : registration_(&of) {}
    pollable(pollable&& other) noexcept : registration_(std::exchange(other.registration_, nullptr)) {}
    pollable& operator=(pollable&& other) noexcept;
    ~pollable();

    void set_deadlines(clock::time_point deadline, bool of_reads, bool of_writes);

    registration* registration_ = nullptr;
};

} // namespace weft::net
