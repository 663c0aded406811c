// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/endpoint.hpp>

#include <string>
#include <string_view>
#include <system_error>

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

// Of a Unix socket. A leading '@' stands for the zero byte of a name outside the file system (Linux). Sets ec
// if there is no such path: invalid_argument, filename_too_long.
socket_address to_socket_address(std::string_view path, std::error_code& ec) noexcept;
std::string to_path(const socket_address& of); // empty: it has none

} // namespace weft::net
