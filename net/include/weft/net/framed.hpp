// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/detail/frame_writer.hpp>
#include <weft/net/detail/layered_case.hpp>
#include <weft/net/detail/read_buffer.hpp>
#include <weft/net/error.hpp>
#include <weft/net/readiness.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft::net {

// How frames are told apart: a header of a fixed size before each, which says how long it is. A codec of one's own has
//
//   static constexpr std::size_t header_size = ...;      // at least 1
//   std::uint64_t decode(std::span<const std::byte, header_size> header, std::error_code& ec) const;
//   void encode(std::uint64_t length, std::span<std::byte, header_size> header, std::error_code& ec) const;
//
// decode gives the length of what follows the header, or sets ec: this is no header (read() then fails with it, and
// consumes nothing). It checks no limit, allocates nothing, and may be called several times for one header. encode fills
// all of the header, or sets ec: there is none for such a length (write() then fails with it, and sends nothing).
template <class Codec>
concept frame_codec = (Codec::header_size > 0) &&
    requires(const Codec codec, std::span<const std::byte, Codec::header_size> received,
        std::span<std::byte, Codec::header_size> header, std::uint64_t length, std::error_code& ec) {
        { codec.decode(received, ec) } -> std::same_as<std::uint64_t>;
        codec.encode(length, header, ec);
    };

// The length as an unsigned integer, the most significant byte first; that of the header is not counted. A length that the
// integer does not hold: errc::message_too_long.
template <std::unsigned_integral Length>
    requires(!std::same_as<Length, bool>)
struct length_prefix {
    static constexpr std::size_t header_size = sizeof(Length);

    std::uint64_t decode(std::span<const std::byte, header_size> header, std::error_code&) const noexcept {
        std::uint64_t length = 0;
        for (const std::byte each : header) length = length << 8 | std::to_integer<std::uint64_t>(each);
        return length;
    }
    void encode(
        std::uint64_t length, std::span<std::byte, header_size> header, std::error_code& ec) const noexcept {
        if (length > std::numeric_limits<Length>::max()) {
            ec = errc::message_too_long;
            return;
        }
        for (std::size_t i = header_size; i-- > 0; length >>= 8) header[i] = static_cast<std::byte>(length);
    }
};

// Messages over a stream, each as long as it is. S as for buffered_reader: a stream, or a reference to one; of it, it uses
// read_some(span, ec) and write_all(span, ec). The codec says how a frame begins:
//
//   framed messages(stream, 1 << 20, length_prefix<std::uint32_t>());        // refers to `stream`; std::move: owns it
//   framed<length_prefix<std::uint32_t>, tcp_stream&> messages(stream, 1 << 20);           // the same
//
// Both calls block the calling fiber (or thread), and are cancellation points. They end early as the stream's read_some and
// write_all do. The form without std::error_code throws io_error, the form with one clears or sets it.
//
// One fiber or thread may read while others write. Two must not read at the same time; frames of several writers do not mix,
// as the bytes of the stream's write_all do not.
template <frame_codec Codec, class S>
class framed {
public:
    using next_layer_type = std::remove_reference_t<S>;

    // limit: the most bytes that a frame may have, the header not counted, in either direction.
    framed(S&& stream, std::size_t limit, Codec codec = {})
        : stream_(std::forward<S>(stream)),
          limit_(std::min(limit, most)),
          codec_(std::move(codec)) {}

    // The next frame, without its header; it may be empty. nullopt: the stream ended before another one began.
    // errc::unexpected_eof: it ended inside a frame. errc::message_too_long: the frame is longer than the limit; that is
    // known from its header, before memory is taken for it. Memory is taken only as bytes come.
    //
    // Whatever cuts it short, nothing is consumed: what has come of a frame stays for the next call.
    std::optional<std::vector<std::byte>> read() {
        std::error_code ec;
        auto frame = read(ec);
        if (ec) throw io_error(ec, "read a frame");
        return frame;
    }
    std::optional<std::vector<std::byte>> read(std::error_code& ec) {
        const detail::any_reader from(stream_);
        if (!received_.fetch(from, header_size, ec)) return ended(ec);
        const std::uint64_t length = decode(ec);
        if (ec) return std::nullopt;
        const std::size_t size = header_size + static_cast<std::size_t>(length);
        if (!received_.fetch(from, size, ec)) return ended(ec);
        const auto payload = received_.bytes().first(size).subspan(header_size);
        std::optional<std::vector<std::byte>> frame(std::in_place, payload.begin(), payload.end());
        received_.consume(size);
        return frame;
    }

    // Sends one frame, in one piece. errc::message_too_long: it is longer than the limit, or than the codec can say; nothing
    // is sent then. Once a write has ended in the middle of a frame (by a deadline, by cancellation), the peer could make no
    // sense of what follows: later ones fail with broken_pipe. One that had sent nothing may be repeated; transferred() of
    // what is thrown tells, which counts the header, too.
    void write(std::span<const std::byte> payload) {
        std::error_code ec;
        const std::size_t sent = send(payload, ec);
        if (ec) throw io_error(ec, "write a frame", sent);
    }
    void write(std::span<const std::byte> payload, std::error_code& ec) { send(payload, ec); }

    // A whole frame is here, or something that read() refuses. Never blocks.
    bool read_would_not_wait() const noexcept {
        if (received_.size() < header_size) return false;
        std::error_code ec;
        const std::uint64_t length = decode(ec);
        return ec || received_.size() - header_size >= length;
    }

    next_layer_type& next_layer() noexcept { return stream_; }
    const next_layer_type& next_layer() const noexcept { return stream_; }

private:
    static constexpr std::size_t header_size = Codec::header_size;
    // So that a frame's size can be reckoned with.
    static constexpr std::size_t most = std::numeric_limits<std::ptrdiff_t>::max() - header_size;

    // Of a header that is there; no more than the limit.
    std::uint64_t decode(std::error_code& ec) const {
        const std::uint64_t length = codec_.decode(received_.bytes().template first<header_size>(), ec);
        if (!ec && length > limit_) ec = errc::message_too_long;
        return length;
    }
    std::nullopt_t ended(std::error_code& ec) const noexcept {
        if (!ec && received_.size() != 0) ec = errc::unexpected_eof;
        return std::nullopt;
    }
    std::size_t send(std::span<const std::byte> payload, std::error_code& ec) {
        ec.clear();
        if (payload.size() > limit_) {
            ec = errc::message_too_long;
            return 0;
        }
        std::array<std::byte, header_size> header;
        codec_.encode(payload.size(), header, ec);
        return ec ? 0 : sent_.write(detail::any_writer(stream_), header, payload, ec);
    }

    S stream_;
    std::size_t limit_;
    [[no_unique_address]] Codec codec_;
    detail::read_buffer received_;
    detail::frame_writer sent_;
};
template <class S, frame_codec Codec>
framed(S&&, std::size_t, Codec) -> framed<Codec, S>;

} // namespace weft::net

namespace weft {

// A case of a select. handler(): a whole frame is here, or bytes have come, by what on_readable says of the stream. The
// rest of the frame that they begin may still have to be waited for.
template <class Codec, class S, class Handler>
auto on_readable(net::framed<Codec, S>& of, Handler handler) {
    return net::detail::make_layered_case(of, [&] {
        return on_readable(of.next_layer(), net::detail::carried_handler<Handler>{std::move(handler)});
    });
}

} // namespace weft
