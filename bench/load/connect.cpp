// SPDX-License-Identifier: BSL-1.0
#include "load/closed_loop.hpp"
#include "load/connecting.hpp"
#include "load/shapes.hpp"

#include <cerrno>

#include <sys/socket.h>
#include <unistd.h>

namespace load {
namespace {

// A request is a connection: made, a byte there and back, closed.
class connecting_client {
public:
    connecting_client(std::size_t number, int epoll, const bench::sizes& size)
        : number_(number),
          made_(number),
          epoll_(epoll),
          port_(size.port) {}

    void ask() {
        fd_ = connect_to(port_, SOCK_STREAM, made_++);
        watch(epoll_, fd_, number_);
        const char byte = static_cast<char>(made_);
        bench::check(send(fd_, &byte, 1, MSG_NOSIGNAL) == 1, "the request did not go out");
    }
    bool answered() {
        char byte = 0;
        const ssize_t got = recv(fd_, &byte, 1, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
        bench::checked(static_cast<int>(got), "recv");
        bench::check(
            got == 1 && byte == static_cast<char>(made_), "the server did not send back what it got");
        close(fd_);
        return true;
    }

private:
    std::size_t number_;
    std::size_t made_;
    int epoll_;
    std::uint16_t port_;
    int fd_ = -1;
};

} // namespace

bench::figures connect(const bench::sizes& size) {
    return closed_loop<connecting_client>("connections/s", size);
}

} // namespace load
