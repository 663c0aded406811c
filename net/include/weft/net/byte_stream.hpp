// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/pollable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <system_error>
#include <type_traits>
#include <vector>

namespace weft::net {

enum class direction { send, receive, both };

// A stream of bytes over a descriptor: what tcp_stream and descriptor share.
//
// Every call blocks the calling fiber (or thread), and is a cancellation point; one that is cancelled throws
// `cancelled` in either form, whose transferred() says how many bytes it had done. It ends early with
// errc::deadline_exceeded, operation_canceled (closed meanwhile), bad_file_descriptor (closed before) or what
// the system reports. The form without std::error_code throws io_error, which has transferred(); the form
// with one clears or sets it. Both give the number of bytes done.
//
// Thread-safe: readers queue up and are served in order, writers as well, and a reader and a writer work at
// the same time.
class [[gnu::visibility("default")]] byte_stream : public pollable {
public:
    // Waits for at least one byte. 0: the end of the stream, or there was no room for any.
    std::size_t read_some(std::span<std::byte> to);
    std::size_t read_some(std::span<std::byte> to, std::error_code& ec);

    // Fills it. errc::eof: the stream ended before the first byte; errc::unexpected_eof: after it.
    std::size_t read_exactly(std::span<std::byte> to);
    std::size_t read_exactly(std::span<std::byte> to, std::error_code& ec);

    // Waits for room for at least one byte.
    std::size_t write_some(std::span<const std::byte> from);
    std::size_t write_some(std::span<const std::byte> from, std::error_code& ec);

    // All of it, of any size, and nobody else's bytes in between.
    std::size_t write_all(std::span<const std::byte> from);
    std::size_t write_all(std::span<const std::byte> from, std::error_code& ec);

    // The same for several pieces in a row: a range of whatever converts to a span of bytes.
    template <class Spans>
        requires std::is_convertible_v<decltype(*std::begin(std::declval<const Spans&>())),
            std::span<const std::byte>>
    std::size_t write_all(const Spans& gather) {
        const std::vector<std::span<const std::byte>> pieces(std::begin(gather), std::end(gather));
        return write_pieces(pieces);
    }
    template <class Spans>
        requires std::is_convertible_v<decltype(*std::begin(std::declval<const Spans&>())),
            std::span<const std::byte>>
    std::size_t write_all(const Spans& gather, std::error_code& ec) {
        const std::vector<std::span<const std::byte>> pieces(std::begin(gather), std::end(gather));
        return write_pieces(pieces, ec);
    }

    // Bytes [offset, offset + count) of an open file, which is read from the offset whatever its position is, without a
    // detour through this process; nobody else's bytes in between. Fewer if the file ends before. Pages that are not in
    // memory are read from the disk by the calling thread. invalid_argument: the system cannot do it from that
    // descriptor; nothing was sent then.
    std::uint64_t send_file(int from, std::uint64_t offset, std::uint64_t count);
    std::uint64_t send_file(int from, std::uint64_t offset, std::uint64_t count, std::error_code& ec);

    // As set_deadline, for one direction.
    void set_read_deadline(clock::time_point deadline) { set_deadlines(deadline, true, false); }
    void set_write_deadline(clock::time_point deadline) { set_deadlines(deadline, false, true); }
    template <class Rep, class Period>
    void set_read_deadline(std::chrono::duration<Rep, Period> from_now) {
        set_read_deadline(detail::deadline_after(from_now));
    }
    template <class Rep, class Period>
    void set_write_deadline(std::chrono::duration<Rep, Period> from_now) {
        set_write_deadline(detail::deadline_after(from_now));
    }

    // A call that begins to wait afterwards, and waits longer than this, fails with errc::deadline_exceeded; the next one may
    // wait as long again. Zero or less: no limit. Beside the deadlines; never blocks. Throws io_error (bad_file_descriptor).
    template <class Rep, class Period>
    void set_idle_timeout(std::chrono::duration<Rep, Period> longest) {
        set_idle(to_clock_duration(longest));
    }

    // Never blocks. After shutdown(direction::send) the peer reads the end of the stream, and writes here
    // fail with broken_pipe; the other direction lives on. Sockets only.
    void shutdown(direction which);
    void shutdown(direction which, std::error_code& ec);

protected:
    using pollable::pollable;
    byte_stream() noexcept = default;
    byte_stream(byte_stream&&) noexcept = default;
    byte_stream& operator=(byte_stream&&) noexcept = default;
    ~byte_stream() = default;

private:
    void set_idle(clock::duration longest);
    std::size_t write_pieces(std::span<const std::span<const std::byte>> pieces);
    std::size_t write_pieces(std::span<const std::span<const std::byte>> pieces, std::error_code& ec);
};

} // namespace weft::net
