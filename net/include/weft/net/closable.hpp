// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>

#include <chrono>
#include <cstddef>
#include <system_error>

namespace weft::net {

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

// Out of line, so that templates throw without much code.
[[noreturn, gnu::visibility("default")]] void throw_io_error(
    std::error_code code, const char* what, std::size_t transferred = 0);

} // namespace detail

// What streams and listeners have in common, whatever is below them. Derived provides
//     std::error_code do_close() noexcept;
//     void set_deadlines(clock::time_point deadline, bool of_reads, bool of_writes);
template <class Derived>
class closable {
public:
    // Never blocks. Calls parked here end with operation_canceled, later ones with bad_file_descriptor, a
    // second close, too. The destructor closes quietly.
    void close() {
        if (const std::error_code ec = self().do_close()) detail::throw_io_error(ec, "close");
    }
    void close(std::error_code& ec) noexcept { ec = self().do_close(); }

    // The time at which calls, pending ones included, fail with errc::deadline_exceeded; it stays passed,
    // even for what would not have to wait, until it is set anew. A duration counts from now; zero or less:
    // passed already. clock::time_point::max(), or clear_deadline: never. Never blocks. Throws io_error
    // (bad_file_descriptor).
    void set_deadline(clock::time_point deadline) { self().set_deadlines(deadline, true, true); }
    template <class Rep, class Period>
    void set_deadline(std::chrono::duration<Rep, Period> from_now) {
        set_deadline(detail::deadline_after(from_now));
    }
    void clear_deadline() { set_deadline(clock::time_point::max()); }

protected:
    closable() noexcept = default;
    ~closable() = default;

private:
    Derived& self() noexcept { return static_cast<Derived&>(*this); }
};

// A deadline for each direction, of what both reads and writes. Derived provides set_deadlines, as for closable.
template <class Derived>
class directed_deadlines {
public:
    // As set_deadline, for one direction.
    void set_read_deadline(clock::time_point deadline) { self().set_deadlines(deadline, true, false); }
    void set_write_deadline(clock::time_point deadline) { self().set_deadlines(deadline, false, true); }
    template <class Rep, class Period>
    void set_read_deadline(std::chrono::duration<Rep, Period> from_now) {
        set_read_deadline(detail::deadline_after(from_now));
    }
    template <class Rep, class Period>
    void set_write_deadline(std::chrono::duration<Rep, Period> from_now) {
        set_write_deadline(detail::deadline_after(from_now));
    }

protected:
    directed_deadlines() noexcept = default;
    ~directed_deadlines() = default;

private:
    Derived& self() noexcept { return static_cast<Derived&>(*this); }
};

} // namespace weft::net
