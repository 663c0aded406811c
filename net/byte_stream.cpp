// SPDX-License-Identifier: BSL-1.0
#include "poller/turn.hpp"
#include "transfer.hpp"

#include <weft/backend/sys.hpp>
#include <weft/net/byte_stream.hpp>
#include <weft/net/error.hpp>

#include <algorithm>

namespace weft::net {

transfer byte_stream::do_read_some(std::span<std::byte> to) { return net::read_some(registration_, to); }
transfer byte_stream::do_read_exactly(std::span<std::byte> to) {
    return net::read_exactly(registration_, to);
}
transfer byte_stream::do_write_some(std::span<const std::byte> from) {
    return net::write_some(registration_, from);
}
transfer byte_stream::do_write_all(std::span<const std::byte> from) {
    return net::write_all(registration_, from);
}
transfer byte_stream::do_write_pieces(std::span<const std::span<const std::byte>> pieces) {
    return net::write_all(registration_, pieces);
}

std::uint64_t byte_stream::send_file(int from, std::uint64_t offset, std::uint64_t count) {
    std::error_code ec;
    const std::uint64_t sent = send_file(from, offset, count, ec);
    if (ec) throw io_error(ec, "send_file", sent);
    return sent;
}
std::uint64_t byte_stream::send_file(
    int from, std::uint64_t offset, std::uint64_t count, std::error_code& ec) {
    const transfer result = net::send_file(registration_, from, offset, count);
    ec = result.error();
    return result.bytes;
}

void byte_stream::set_idle(clock::duration longest) {
    const visit inside(registration_);
    if (inside.result() != outcome::done)
        throw io_error(outcome::to_error_code(inside.result()), "set_idle_timeout");
    registration_->set_idle_timeout(std::max(longest, clock::duration::zero()));
}

std::error_code byte_stream::do_shutdown(direction which) noexcept {
    const visit inside(registration_);
    long result = inside.result();
    if (result == outcome::done) {
        const int how = which == direction::send ? SHUT_WR
            : which == direction::receive        ? SHUT_RD
                                                 : SHUT_RDWR;
        result = sys::shutdown(registration_->number(), how);
    }
    return outcome::to_error_code(result);
}

} // namespace weft::net
