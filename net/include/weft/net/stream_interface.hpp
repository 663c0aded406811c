// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/closable.hpp>

#include <cstddef>
#include <iterator>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft::net {

enum class direction { send, receive, both };

namespace detail {

// What a call moved, and why not more.
struct [[gnu::visibility("default")]] transfer {
    std::size_t bytes = 0;
    long outcome = 0; // negative: -errno, or a net::errc

    bool failed() const noexcept { return outcome < 0; }
    std::error_code error() const noexcept;
};

template <class Spans>
concept spans_of_bytes =
    std::is_convertible_v<decltype(*std::begin(std::declval<const Spans&>())), std::span<const std::byte>>;

} // namespace detail

// Reading and writing, as every stream of bytes has it.
//
// Every call blocks the calling fiber (or thread), and is a cancellation point; one that is cancelled throws
// `cancelled` in either form, whose transferred() says how many bytes it had done. It ends early with
// errc::deadline_exceeded, operation_canceled (closed meanwhile), bad_file_descriptor (closed before) or what
// the system reports. The form without std::error_code throws io_error, which has transferred(); the form
// with one clears or sets it. Both give the number of bytes done.
//
// Thread-safe: readers queue up and are served in order, writers as well, and a reader and a writer work at
// the same time.
//
// Derived provides do_read_some, do_read_exactly, do_write_some, do_write_all(bytes), do_write_pieces(pieces),
// each giving a transfer (or what looks like one, and may say more of its failure: raise(what) throws),
// std::error_code do_shutdown(direction), and set_deadlines as for closable, for this class and for
// directed_deadlines.
template <class Derived>
class stream_interface : public directed_deadlines<Derived> {
public:
    // Waits for at least one byte. 0: the end of the stream, or there was no room for any.
    std::size_t read_some(std::span<std::byte> to) { return done(self().do_read_some(to), "read"); }
    std::size_t read_some(std::span<std::byte> to, std::error_code& ec) {
        return done(self().do_read_some(to), ec);
    }

    // Fills it. errc::eof: the stream ended before the first byte; errc::unexpected_eof: after it.
    std::size_t read_exactly(std::span<std::byte> to) { return done(self().do_read_exactly(to), "read"); }
    std::size_t read_exactly(std::span<std::byte> to, std::error_code& ec) {
        return done(self().do_read_exactly(to), ec);
    }

    // Waits for room for at least one byte.
    std::size_t write_some(std::span<const std::byte> from) {
        return done(self().do_write_some(from), "write");
    }
    std::size_t write_some(std::span<const std::byte> from, std::error_code& ec) {
        return done(self().do_write_some(from), ec);
    }

    // All of it, of any size, and nobody else's bytes in between.
    std::size_t write_all(std::span<const std::byte> from) {
        return done(self().do_write_all(from), "write");
    }
    std::size_t write_all(std::span<const std::byte> from, std::error_code& ec) {
        return done(self().do_write_all(from), ec);
    }

    // The same for several pieces in a row: a range of whatever converts to a span of bytes.
    template <detail::spans_of_bytes Spans>
    std::size_t write_all(const Spans& gather) {
        const std::vector<std::span<const std::byte>> pieces(std::begin(gather), std::end(gather));
        return done(self().do_write_pieces(pieces), "write");
    }
    template <detail::spans_of_bytes Spans>
    std::size_t write_all(const Spans& gather, std::error_code& ec) {
        const std::vector<std::span<const std::byte>> pieces(std::begin(gather), std::end(gather));
        return done(self().do_write_pieces(pieces), ec);
    }

    // Never blocks. After shutdown(direction::send) the peer reads the end of the stream, and writes here
    // fail with broken_pipe; the other direction lives on.
    void shutdown(direction which) {
        if (const std::error_code ec = self().do_shutdown(which)) detail::throw_io_error(ec, "shutdown");
    }
    void shutdown(direction which, std::error_code& ec) { ec = self().do_shutdown(which); }

protected:
    stream_interface() noexcept = default;
    ~stream_interface() = default;

private:
    Derived& self() noexcept { return static_cast<Derived&>(*this); }

    template <class Transfer>
    static std::size_t done(const Transfer& result, const char* what) {
        if constexpr (requires { result.raise(what); }) {
            if (result.failed()) result.raise(what);
        } else {
            if (result.failed()) detail::throw_io_error(result.error(), what, result.bytes);
        }
        return result.bytes;
    }
    template <class Transfer>
    static std::size_t done(const Transfer& result, std::error_code& ec) {
        ec = result.error();
        return result.bytes;
    }
};

} // namespace weft::net
