// SPDX-License-Identifier: BSL-1.0

// The floor of echo: one level-triggered epoll a thread, and for each readiness one recv and one send. The
// first thread also accepts, and deals the connections out in turn. Their sends block: a client that sends
// without reading stops the others of its thread, which no client of this bench does, and in return the floor
// carries no state a connection.
#include "peers/bare/shapes.hpp"
#include "support/measure.hpp"

#include <cerrno>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bare {
namespace {

using bench::checked;

void watch(int epoll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    checked(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

int listen_on(std::uint16_t port) {
    const int listener = checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    const int on = 1;
    checked(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    checked(bind(listener, reinterpret_cast<const sockaddr*>(&address), length), "bind");
    checked(listen(listener, SOMAXCONN), "listen");
    checked(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), "getsockname");
    bench::say_listening(ntohs(address.sin_port));
    return listener;
}

int accept_from(int listener) {
    const int connection = checked(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accept4");
    const int on = 1;
    checked(setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
    return connection;
}

// False: the connection has ended.
bool echo_once(int connection) {
    char buffer[4096];
    const ssize_t got = recv(connection, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    return got > 0 && send(connection, buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL) == got;
}

[[noreturn]] void serve(const std::vector<int>& epolls, std::size_t mine, int listener) {
    std::size_t next = 0;
    epoll_event events[128];
    for (;;) {
        const int ready = epoll_wait(epolls[mine], events, std::size(events), -1);
        for (int i = 0; i < ready; ++i) {
            const int fd = events[i].data.fd;
            if (fd == listener)
                watch(epolls[next++ % epolls.size()], accept_from(listener));
            else if (!echo_once(fd))
                close(fd);
        }
    }
}

} // namespace

bench::figures echo(const bench::sizes& size) {
    std::vector<int> epolls(size.workers);
    for (int& epoll : epolls) epoll = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    const int listener = listen_on(size.port);
    watch(epolls[0], listener);
    std::vector<std::thread> others;
    for (std::size_t i = 1; i < epolls.size(); ++i)
        others.emplace_back([&, i] { serve(epolls, i, listener); });
    serve(epolls, 0, listener);
}

} // namespace bare
