// SPDX-License-Identifier: BSL-1.0
#include "load/client.hpp"

#include <cerrno>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace load {

client::~client() {
    if (fd_ != -1) close(fd_);
}

void client::ask() {
    const auto bytes = message_.next();
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    bench::check(sent == static_cast<ssize_t>(bytes.size()), "the request did not go out");
}

bool client::answered() {
    const auto room = message_.missing();
    const ssize_t got = recv(fd_, room.data(), room.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    bench::checked(static_cast<int>(got), "recv");
    bench::check(got != 0, "the server closed a connection");
    return message_.add(static_cast<std::size_t>(got));
}

void client::await_answer() {
    while (!answered()) {
        pollfd readable{.fd = fd_, .events = POLLIN, .revents = 0};
        bench::check(bench::checked(poll(&readable, 1, 3000), "poll") == 1, "a request was not answered");
    }
}

} // namespace load
