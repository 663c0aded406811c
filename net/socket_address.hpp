// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/endpoint.hpp>

#include <sys/socket.h>

namespace weft::net {

struct socket_address {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);

    const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

socket_address to_socket_address(const endpoint& of) noexcept;
// An IPv4 address mapped into IPv6, as a listener for both sees its IPv4 peers, becomes an IPv4 endpoint.
endpoint to_endpoint(const socket_address& of) noexcept;

} // namespace weft::net
