// SPDX-License-Identifier: BSL-1.0

// The floor of udp_echo: one socket, and a level-triggered epoll for each thread, of which the kernel wakes one. It calls recvfrom and
// sendto, or recvmmsg and sendmmsg, until nothing is left.
#include "peers/bare/shapes.hpp"
#include "support/measure.hpp"

#include <cerrno>
#include <thread>
#include <vector>

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace bare {
namespace {

using bench::checked;

int bind_to(std::uint16_t port) {
    const int fd = checked(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    checked(bind(fd, reinterpret_cast<const sockaddr*>(&address), length), "bind");
    checked(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), "getsockname");
    bench::say_listening(ntohs(address.sin_port));
    return fd;
}

// False: nothing is left.
bool echo_one(int fd) {
    char buffer[2048];
    sockaddr_storage from;
    socklen_t length = sizeof from;
    auto* const address = reinterpret_cast<sockaddr*>(&from);
    const ssize_t got = recvfrom(fd, buffer, sizeof buffer, 0, address, &length);
    if (got < 0) return false;
    sendto(fd, buffer, static_cast<std::size_t>(got), 0, address, length);
    return true;
}

class batch {
public:
    explicit batch(std::size_t most) : parts_(most), messages_(most) {}

    // False: nothing is left.
    bool echo(int fd) {
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            part& each = parts_[i];
            each.bytes = {each.buffer, sizeof each.buffer};
            messages_[i].msg_hdr = {};
            messages_[i].msg_hdr.msg_name = &each.from;
            messages_[i].msg_hdr.msg_namelen = sizeof each.from;
            messages_[i].msg_hdr.msg_iov = &each.bytes;
            messages_[i].msg_hdr.msg_iovlen = 1;
        }
        const int got = recvmmsg(fd, messages_.data(), static_cast<unsigned>(parts_.size()), 0, nullptr);
        for (int i = 0; i < got; ++i)
            parts_[static_cast<std::size_t>(i)].bytes.iov_len =
                messages_[static_cast<std::size_t>(i)].msg_len;
        if (got > 0) sendmmsg(fd, messages_.data(), static_cast<unsigned>(got), 0);
        return got == static_cast<int>(parts_.size());
    }

private:
    struct part {
        char buffer[2048];
        sockaddr_storage from;
        iovec bytes;
    };
    std::vector<part> parts_;
    std::vector<mmsghdr> messages_;
};

[[noreturn]] void serve(int fd, std::size_t at_once) {
    const int epoll = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    epoll_event event{};
    event.events = EPOLLIN | EPOLLEXCLUSIVE;
    checked(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
    batch several(at_once);
    for (;;) {
        if (epoll_wait(epoll, &event, 1, -1) != 1) continue;
        while (at_once == 1 ? echo_one(fd) : several.echo(fd)) {}
    }
}

} // namespace

bench::figures udp_echo(const bench::sizes& size) {
    const int fd = bind_to(size.port);
    std::vector<std::thread> others;
    for (unsigned i = 1; i < size.workers; ++i) others.emplace_back([&] { serve(fd, size.batch); });
    serve(fd, size.batch);
}

} // namespace bare
