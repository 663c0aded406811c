// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/detail/layered_case.hpp>
#include <weft/net/detail/read_buffer.hpp>
#include <weft/net/detail/write_buffer.hpp>
#include <weft/net/error.hpp>
#include <weft/net/readiness.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace weft::net {

// Reads from a stream in large pieces and gives what is asked for: lines, texts up to a delimiter, so many bytes. S is a
// stream, which it then owns, or a reference to one: buffered_reader in(stream, limit) refers to `stream`,
// buffered_reader in(std::move(stream), limit) owns it. Of S it uses read_some(span, ec) alone; deadlines, close and
// writing are next_layer()'s.
//
// Every call blocks the calling fiber (or thread) until it can be served from what was read, and is a cancellation point.
// It ends early as the stream's read_some does: with the stream's error, errc::deadline_exceeded among them, or by
// throwing `cancelled`. What had come by then is in the buffer, and a later call goes on from there: nothing is lost. The
// stream's deadline concerns only calls that have to read from it. The form without std::error_code throws io_error, the
// form with one clears or sets it.
//
// The buffer is made at the first read, grows as bytes come for a long text or a read_exactly (to less than three times
// the limit, or what those had got), and is kept.
//
// To be used by one fiber or thread at a time; next_layer() may be used by others meanwhile as the stream allows. What
// others read from the stream is missing here, and the other way round.
template <class S>
class buffered_reader {
public:
    using next_layer_type = std::remove_reference_t<S>;

    // limit: the most bytes that a line, or a text before a delimiter, may have.
    buffered_reader(S&& stream, std::size_t limit) : stream_(std::forward<S>(stream)), limit_(limit) {}

    // The next line, without the "\n" or "\r\n" at its end; the last one need not have any. nullopt: the end of the stream.
    // A line of more than limit bytes, those at its end not counted: errc::message_too_long, as soon as that is sure;
    // nothing is consumed, and read_some still gives what has come of it.
    std::optional<std::string> read_line() {
        std::error_code ec;
        return checked(read_line(ec), ec, "read_line");
    }
    std::optional<std::string> read_line(std::error_code& ec) {
        return buffer_.read_line(detail::any_reader(stream_), limit_, ec);
    }

    // What comes before the delimiter, which is consumed as well. nullopt: the end of the stream, and nothing before it.
    // errc::unexpected_eof: something before it, but no delimiter; it can still be read. errc::message_too_long as for
    // read_line. An empty delimiter: std::invalid_argument.
    std::optional<std::string> read_until(std::string_view delimiter) {
        std::error_code ec;
        return checked(read_until(delimiter, ec), ec, "read_until");
    }
    std::optional<std::string> read_until(std::string_view delimiter, std::error_code& ec) {
        return buffer_.read_until(detail::any_reader(stream_), delimiter, limit_, ec);
    }
    std::optional<std::string> read_until(char delimiter) { return read_until({&delimiter, 1}); }
    std::optional<std::string> read_until(char delimiter, std::error_code& ec) {
        return read_until({&delimiter, 1}, ec);
    }

    // Waits for at least one byte. 0: the end of the stream, or there was no room for any.
    std::size_t read_some(std::span<std::byte> to) {
        std::error_code ec;
        return checked(read_some(to, ec), ec, "read");
    }
    std::size_t read_some(std::span<std::byte> to, std::error_code& ec) {
        return buffer_.read_some(detail::any_reader(stream_), to, ec);
    }

    // Fills it, whatever the limit. errc::eof: the stream ended before the first byte; errc::unexpected_eof: after it. After
    // a failure the count is 0, the bytes that came can still be read, and what `to` holds is unspecified.
    std::size_t read_exactly(std::span<std::byte> to) {
        std::error_code ec;
        return checked(read_exactly(to, ec), ec, "read");
    }
    std::size_t read_exactly(std::span<std::byte> to, std::error_code& ec) {
        return buffer_.read_exactly(detail::any_reader(stream_), to, ec);
    }

    // Bytes that were read and not yet asked for. Never blocks.
    std::size_t buffered() const noexcept { return buffer_.size(); }
    // read_some would not, as far as is known here.
    bool read_would_not_wait() const noexcept { return buffer_.size() != 0; }

    next_layer_type& next_layer() noexcept { return stream_; }
    const next_layer_type& next_layer() const noexcept { return stream_; }

private:
    template <class Result>
    static Result checked(Result result, const std::error_code& ec, const char* what) {
        if (ec) throw io_error(ec, what);
        return result;
    }

    S stream_;
    std::size_t limit_;
    detail::read_buffer buffer_;
};
template <class S>
buffered_reader(S&&, std::size_t) -> buffered_reader<S>;

// Collects what is written and gives it to a stream in large pieces. S as for buffered_reader; of it, it uses
// write_all(span, ec) alone.
//
// Calls that find no room block the calling fiber (or thread) until the stream has taken what was collected; all are
// cancellation points. They end early as the stream's write_all does; what it had not taken by then stays in the buffer, and
// a later call goes on from there, as after a passed deadline that is set anew. The form without std::error_code throws
// io_error, the form with one clears or sets it.
//
// What was not flushed is dropped by the destructor, which never blocks; where NDEBUG is not defined it says so on stderr.
//
// To be used by one fiber or thread at a time; several writers may share a stream, each with a buffer of its own: what goes
// to the stream in one piece is the bytes of whole calls.
template <class S>
class buffered_writer {
public:
    using next_layer_type = std::remove_reference_t<S>;

    // capacity: the most bytes that are collected. Memory is taken as they come.
    buffered_writer(S&& stream, std::size_t capacity) : stream_(std::forward<S>(stream)), buffer_(capacity) {}

    // Takes all of it, of any size. If it does not fit, what is there is flushed first, and what fits into no buffer goes
    // straight to the stream, in one piece. Gives the bytes that were taken, into the buffer or by the stream; after an
    // error that may be a part of them.
    std::size_t write_all(std::span<const std::byte> from) {
        std::error_code ec;
        const std::size_t taken = write_all(from, ec);
        if (ec) throw io_error(ec, "write", taken);
        return taken;
    }
    std::size_t write_all(std::span<const std::byte> from, std::error_code& ec) {
        return buffer_.write_all(detail::any_writer(stream_), from, ec);
    }

    // Returns when the stream has taken all that was written before.
    void flush() {
        std::error_code ec;
        const std::size_t sent = buffer_.flush(detail::any_writer(stream_), ec);
        if (ec) throw io_error(ec, "flush", sent);
    }
    void flush(std::error_code& ec) { buffer_.flush(detail::any_writer(stream_), ec); }

    // Bytes that wait to be flushed. Never blocks.
    std::size_t buffered() const noexcept { return buffer_.size(); }

    next_layer_type& next_layer() noexcept { return stream_; }
    const next_layer_type& next_layer() const noexcept { return stream_; }

private:
    S stream_;
    detail::write_buffer buffer_;
};
template <class S>
buffered_writer(S&&, std::size_t) -> buffered_writer<S>;

} // namespace weft::net

namespace weft {

// A case of a select. handler(): read_some would not wait now, because bytes are buffered or by what on_readable says of the
// stream. The reader must stay where it is meanwhile. A line, or so many bytes, may still have to be waited for.
template <class S, class Handler>
auto on_readable(net::buffered_reader<S>& of, Handler handler) {
    return net::detail::make_layered_case(of, [&] {
        return on_readable(of.next_layer(), net::detail::carried_handler<Handler>{std::move(handler)});
    });
}

} // namespace weft
