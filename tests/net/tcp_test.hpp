// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "net/net_test.hpp"

#include <weft/net/tcp.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <system_error>
#include <vector>

#include <sys/ioctl.h>
#include <sys/socket.h>

namespace weft::test {

inline void echo(net::tcp_stream peer) {
    std::array<std::byte, 4096> buffer;
    while (const std::size_t size = peer.read_some(buffer)) peer.write_all(std::span(buffer).first(size));
}

// Writes until there is no room left.
inline std::size_t fill(net::tcp_stream& stream) {
    const std::vector<std::byte> block(1 << 20);
    std::size_t sum = 0;
    std::error_code ec;
    stream.set_write_deadline(std::chrono::milliseconds(50));
    while (!ec) sum += stream.write_all(block, ec);
    EXPECT_EQ(ec, net::errc::deadline_exceeded);
    stream.set_write_deadline(clock::time_point::max());
    return sum;
}

inline std::size_t drain(net::tcp_stream& stream) {
    std::vector<std::byte> block(1 << 20);
    std::size_t sum = 0;
    while (const std::size_t size = stream.read_some(block)) sum += size;
    return sum;
}

inline void reset_at_close(const net::byte_stream& stream) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(stream.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

// As little room for what was written as the system gives. The peer keeps its own: between two narrow ones TCP waits for its timers.
inline void narrow(const net::byte_stream& stream) {
    const int least = 1;
    ::setsockopt(stream.native_handle(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
}

// Bytes that have come and were not read.
inline std::size_t unread(const net::byte_stream& of) {
    int count = 0;
    EXPECT_EQ(::ioctl(of.native_handle(), FIONREAD, &count), 0);
    return static_cast<std::size_t>(count);
}

} // namespace weft::test
