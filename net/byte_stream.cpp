// SPDX-License-Identifier: BSL-1.0
#include "poller/turn.hpp"
#include "transfer.hpp"

#include <weft/backend/sys.hpp>
#include <weft/net/byte_stream.hpp>
#include <weft/net/error.hpp>

#include <algorithm>

namespace weft::net {
namespace {

std::size_t bytes_of(const transfer& result, std::error_code& ec) noexcept {
    ec = outcome::to_error_code(result.outcome);
    return result.bytes;
}
std::size_t bytes_of(const transfer& result, const char* what) {
    if (result.outcome < 0) throw io_error(outcome::to_error_code(result.outcome), what, result.bytes);
    return result.bytes;
}

} // namespace

std::size_t byte_stream::read_some(std::span<std::byte> to) {
    return bytes_of(net::read_some(registration_, to), "read");
}
std::size_t byte_stream::read_some(std::span<std::byte> to, std::error_code& ec) {
    return bytes_of(net::read_some(registration_, to), ec);
}
std::size_t byte_stream::read_exactly(std::span<std::byte> to) {
    return bytes_of(net::read_exactly(registration_, to), "read");
}
std::size_t byte_stream::read_exactly(std::span<std::byte> to, std::error_code& ec) {
    return bytes_of(net::read_exactly(registration_, to), ec);
}
std::size_t byte_stream::write_some(std::span<const std::byte> from) {
    return bytes_of(net::write_some(registration_, from), "write");
}
std::size_t byte_stream::write_some(std::span<const std::byte> from, std::error_code& ec) {
    return bytes_of(net::write_some(registration_, from), ec);
}
std::size_t byte_stream::write_all(std::span<const std::byte> from) {
    return bytes_of(net::write_all(registration_, from), "write");
}
std::size_t byte_stream::write_all(std::span<const std::byte> from, std::error_code& ec) {
    return bytes_of(net::write_all(registration_, from), ec);
}
std::size_t byte_stream::write_pieces(std::span<const std::span<const std::byte>> pieces) {
    return bytes_of(net::write_all(registration_, pieces), "write");
}
std::size_t byte_stream::write_pieces(
    std::span<const std::span<const std::byte>> pieces, std::error_code& ec) {
    return bytes_of(net::write_all(registration_, pieces), ec);
}

std::uint64_t byte_stream::send_file(int from, std::uint64_t offset, std::uint64_t count) {
    return bytes_of(net::send_file(registration_, from, offset, count), "send_file");
}
std::uint64_t byte_stream::send_file(
    int from, std::uint64_t offset, std::uint64_t count, std::error_code& ec) {
    return bytes_of(net::send_file(registration_, from, offset, count), ec);
}

void byte_stream::set_idle(clock::duration longest) {
    const visit inside(registration_);
    if (inside.result() != outcome::done)
        throw io_error(outcome::to_error_code(inside.result()), "set_idle_timeout");
    registration_->set_idle_timeout(std::max(longest, clock::duration::zero()));
}

void byte_stream::shutdown(direction which, std::error_code& ec) {
    const visit inside(registration_);
    long result = inside.result();
    if (result == outcome::done) {
        const int how = which == direction::send ? SHUT_WR
            : which == direction::receive        ? SHUT_RD
                                                 : SHUT_RDWR;
        result = sys::shutdown(registration_->number(), how);
    }
    ec = outcome::to_error_code(result);
}

void byte_stream::shutdown(direction which) {
    std::error_code ec;
    shutdown(which, ec);
    if (ec) throw io_error(ec, "shutdown");
}

} // namespace weft::net
