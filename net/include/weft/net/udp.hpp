// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/endpoint.hpp>
#include <weft/net/pollable.hpp>
#include <weft/net/readiness.hpp>

#include <cstddef>
#include <span>
#include <string_view>
#include <system_error>

namespace weft::net {

// What recv_from got. `truncated`: the datagram was larger than the buffer, and its rest is lost.
struct datagram {
    std::size_t size = 0; // bytes in the buffer
    endpoint from;
    bool truncated = false;
};

// One of send_batch: to the endpoint, or without one to the peer of a connected socket.
struct outgoing_datagram {
    std::span<const std::byte> bytes;
    endpoint to{}; // ignored by a connected socket
};
// One of recv_batch, which sets `got`.
struct incoming_datagram {
    std::span<std::byte> buffer;
    datagram got{};
};

// Datagrams: each arrives whole or not at all, perhaps twice, in any order. Every call blocks the calling fiber (or
// thread) and is a cancellation point; errors are those of byte_stream's calls, and connection_refused on a
// connected socket whose peer's machine said that nobody listens. Empty datagrams are datagrams. One that is larger
// than the system takes (65,507 bytes over IPv4): message_size, and nothing is sent. A send that finds the system out
// of buffers fails with no_buffer_space where the system says so; nothing was sent.
//
// Thread-safe as byte_stream is.
class [[gnu::visibility("default")]] udp_socket : public pollable, public directed_deadlines<udp_socket> {
public:
    udp_socket() noexcept = default; // not open

    // "address:port", port 0 for a free one, an empty address for all of this machine; or an endpoint.
    static udp_socket bind(std::string_view address);
    static udp_socket bind(std::string_view address, std::error_code& ec);
    static udp_socket bind(const endpoint& address);
    static udp_socket bind(const endpoint& address, std::error_code& ec);
    // Sends to that address only, and receives from it only. Sends nothing yet.
    static udp_socket connect(std::string_view address);
    static udp_socket connect(std::string_view address, std::error_code& ec);
    static udp_socket connect(const endpoint& address);
    static udp_socket connect(const endpoint& address, std::error_code& ec);

    std::size_t send_to(std::span<const std::byte> from, const endpoint& to);
    std::size_t send_to(std::span<const std::byte> from, const endpoint& to, std::error_code& ec);
    datagram recv_from(std::span<std::byte> to);
    datagram recv_from(std::span<std::byte> to, std::error_code& ec);

    // Of a connected socket; on another one send fails with destination_address_required, and recv does not tell who
    // sent. A datagram that is larger than the buffer: errc::message_too_long, the buffer is full, the rest lost.
    std::size_t send(std::span<const std::byte> from);
    std::size_t send(std::span<const std::byte> from, std::error_code& ec);
    std::size_t recv(std::span<std::byte> to);
    std::size_t recv(std::span<std::byte> to, std::error_code& ec);

    // Several in few system calls. send_batch sends all, in order; the number of those sent is smaller only after an
    // error, and is io_error's transferred(). recv_batch waits for one and takes what else is there; how many those are.
    std::size_t send_batch(std::span<const outgoing_datagram> batch);
    std::size_t send_batch(std::span<const outgoing_datagram> batch, std::error_code& ec);
    std::size_t recv_batch(std::span<incoming_datagram> batch);
    std::size_t recv_batch(std::span<incoming_datagram> batch, std::error_code& ec);

    // Never block. Without a peer the remote one fails with not_connected.
    endpoint local_endpoint() const;
    endpoint local_endpoint(std::error_code& ec) const;
    endpoint remote_endpoint() const;
    endpoint remote_endpoint(std::error_code& ec) const;

private:
    friend class directed_deadlines<udp_socket>;

    udp_socket(registration& of, bool v6, bool connected) noexcept
        : pollable(of),
          v6_(v6),
          connected_(connected) {}
    static udp_socket make(const endpoint& address, bool connected, std::error_code& ec);

    bool v6_ = false;
    bool connected_ = false;
};

} // namespace weft::net
