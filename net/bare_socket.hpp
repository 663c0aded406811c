// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "poller/registration.hpp"
#include "socket_address.hpp"

#include <weft/backend/sys.hpp>
#include <weft/net/endpoint.hpp>

#include <chrono>
#include <system_error>
#include <utility>

// A socket before it becomes a stream, a listener or a udp_socket.
namespace weft::net {

class bare_socket {
public:
    explicit bare_socket(int fd) noexcept : fd_(fd) {}
    bare_socket(bare_socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    bare_socket& operator=(bare_socket&&) = delete;
    ~bare_socket() {
        if (fd_ >= 0) sys::close(fd_);
    }

    // As accept and socket gave it: negative, an error.
    int number() const noexcept { return fd_; }

    long bind(const socket_address& to) const noexcept { return sys::bind(fd_, to.get(), to.size); }

    // Makes it known to the poller and gives it away. nullptr: ec says why.
    registration* attach(descriptor_traits traits, std::error_code& ec);

private:
    int fd_;
};

// The kinds of sockets that there are; a Unix one stops a read short at a descriptor that is sent along.
inline constexpr descriptor_traits tcp_traits{
    .socket = true, .stream_socket = true, .short_means_drained = true};
inline constexpr descriptor_traits unix_traits{.socket = true, .stream_socket = true};
inline constexpr descriptor_traits udp_traits{.socket = true};

bare_socket make_inet_socket(const endpoint& for_address, int type) noexcept;
void set_tcp_options(const bare_socket& of, bool nodelay, std::chrono::seconds keepalive) noexcept;

// By a call on an open socket.
endpoint local_endpoint(registration* of, std::error_code& ec) noexcept;

} // namespace weft::net
