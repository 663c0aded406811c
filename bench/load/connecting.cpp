// SPDX-License-Identifier: BSL-1.0
#include "load/connecting.hpp"

#include "support/measure.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace load {
namespace {

using bench::checked;

sockaddr_in loopback(std::uint32_t host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + host);
    return address;
}

const sockaddr* generic(const sockaddr_in& address) { return reinterpret_cast<const sockaddr*>(&address); }

} // namespace

int connect_to(std::uint16_t port, int kind, std::size_t n) {
    const int fd = checked(socket(AF_INET, kind | SOCK_CLOEXEC, 0), "socket");
    const int on = 1;
    // The port is chosen by connect, which may take one that is in use with another peer.
    checked(setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on), "IP_BIND_ADDRESS_NO_PORT");
    const sockaddr_in from = loopback(static_cast<std::uint32_t>(1 + n % 64), 0);
    checked(bind(fd, generic(from), sizeof from), "bind");
    const sockaddr_in to = loopback(0, port);
    // Without waiting, as long as the server's backlog has room.
    checked(connect(fd, generic(to), sizeof to), "connect");
    if (kind == SOCK_STREAM) checked(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
    checked(fcntl(fd, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
    return fd;
}

} // namespace load
