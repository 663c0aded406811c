// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/net/stream_interface.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <system_error>
#include <vector>

// What reads from, or writes to, any kind of stream asks of it. What the calls do: stream_interface.hpp. A reference to a stream is
// one, too; what owns a stream asks for std::movable besides.
namespace weft::net {

template <class S>
concept readable_stream = requires(S& s, std::span<std::byte> to, std::error_code& ec) {
    { s.read_some(to) } -> std::same_as<std::size_t>;
    { s.read_some(to, ec) } -> std::same_as<std::size_t>;
    { s.read_exactly(to) } -> std::same_as<std::size_t>;
    { s.read_exactly(to, ec) } -> std::same_as<std::size_t>;
    s.set_read_deadline(clock::time_point());
    s.set_read_deadline(clock::duration());
};

template <class S>
concept writable_stream = requires(S& s, std::span<const std::byte> from,
    const std::vector<std::span<const std::byte>>& gather, std::error_code& ec) {
    { s.write_some(from) } -> std::same_as<std::size_t>;
    { s.write_some(from, ec) } -> std::same_as<std::size_t>;
    { s.write_all(from) } -> std::same_as<std::size_t>;
    { s.write_all(from, ec) } -> std::same_as<std::size_t>;
    { s.write_all(gather) } -> std::same_as<std::size_t>;
    { s.write_all(gather, ec) } -> std::same_as<std::size_t>;
    s.set_write_deadline(clock::time_point());
    s.set_write_deadline(clock::duration());
};

template <class S>
concept stream =
    readable_stream<S> && writable_stream<S> && requires(S& s, const S& seen, std::error_code& ec) {
        s.set_deadline(clock::time_point());
        s.set_deadline(clock::duration());
        s.clear_deadline();
        s.shutdown(direction::send);
        s.shutdown(direction::send, ec);
        s.close();
        s.close(ec);
        { seen.is_open() } -> std::same_as<bool>;
    };

} // namespace weft::net
