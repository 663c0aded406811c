// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "poller/registration.hpp"

#include <weft/backend/sys.hpp>
#include <weft/net/endpoint.hpp>

#include <chrono>
#include <system_error>
#include <utility>

// A TCP socket before it becomes a stream or a listener.
namespace weft::net {

class tcp_socket {
public:
    explicit tcp_socket(int fd) noexcept : fd_(fd) {}
    tcp_socket(tcp_socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    tcp_socket& operator=(tcp_socket&&) = delete;
    ~tcp_socket() {
        if (fd_ >= 0) sys::close(fd_);
    }

    // As accept and socket gave it: negative, an error.
    int number() const noexcept { return fd_; }

    long bind(const endpoint& to) const noexcept;
    void set_options(bool nodelay, std::chrono::seconds keepalive) const noexcept;

    // Makes it known to the poller and gives it away. nullptr: ec says why.
    registration* attach(std::error_code& ec);

private:
    int fd_;
};

tcp_socket make_tcp_socket(const endpoint& for_address) noexcept;

// By a call on an open stream or listener.
endpoint local_endpoint(registration* of, std::error_code& ec) noexcept;

} // namespace weft::net
