// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/cancelled.hpp>
#include <weft/net/byte_stream.hpp>
#include <weft/net/error.hpp>
#include <weft/task_group.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>

namespace weft::net {

// Reads to the end of `from` and writes all of it to `to`. Gives the number of bytes written. Blocks and ends early as
// the calls of the two streams do; what was read and not yet written is then lost. io_error and `cancelled` tell by
// transferred() how many bytes were written.
template <class From, class To>
std::uint64_t copy(From& from, To& to, std::error_code& ec) {
    constexpr std::size_t room = std::size_t{64} << 10; // in flight at a time
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(room);
    std::uint64_t written = 0;
    try {
        for (;;) {
            const std::size_t size = from.read_some(std::span(buffer.get(), room), ec);
            if (ec || size == 0) return written;
            written += to.write_all(std::span<const std::byte>(buffer.get(), size), ec);
            if (ec) return written;
        }
    } catch (cancelled& early) {
        early.set_transferred(early.transferred() + written);
        throw;
    }
}

template <class From, class To>
std::uint64_t copy(From& from, To& to) {
    std::error_code ec;
    const std::uint64_t written = net::copy(from, to, ec);
    if (ec) throw io_error(ec, "copy", written);
    return written;
}

struct copied {
    std::uint64_t first_to_second = 0;
    std::uint64_t second_to_first = 0;
};

// Copies each to the other, in a fiber a direction, until both have ended; the end of one is passed on by
// shutdown(direction::send) of the other. The first failure ends both directions and is thrown: io_error. Cancelled:
// both end. Neither stream is closed.
template <class First, class Second>
copied copy_bidirectional(First& first, Second& second) {
    copied bytes;
    task_group directions;
    const auto pass_on = [](auto& from, auto& to, std::uint64_t& count) {
        count = net::copy(from, to);
        std::error_code already_gone;
        to.shutdown(direction::send, already_gone);
    };
    directions.go([&] { pass_on(first, second, bytes.first_to_second); });
    directions.go([&] { pass_on(second, first, bytes.second_to_first); });
    directions.wait();
    return bytes;
}

} // namespace weft::net
