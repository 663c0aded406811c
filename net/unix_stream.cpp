// SPDX-License-Identifier: BSL-1.0
#include "bare_socket.hpp"
#include "poller/turn.hpp"

#include <weft/fiber.hpp>
#include <weft/net/error.hpp>
#include <weft/net/unix.hpp>

#include <algorithm>
#include <chrono>

namespace weft::net {
namespace {

// Of a Unix socket the system says EAGAIN while the backlog is full, and does not tell when it is so no more.
long connect_patiently(int fd, const socket_address& to) {
    using std::chrono::milliseconds;
    constexpr milliseconds longest(20);
    for (milliseconds pause(1);; pause = std::min(2 * pause, longest)) {
        const long result = sys::connect(fd, to.get(), to.size);
        if (result == -EINTR) continue;
        if (result != -EAGAIN) return result;
        sleep(pause);
    }
}

using read_name = int (*)(int fd, sockaddr_storage& address, socklen_t& size) noexcept;

std::string path_by(registration* of, read_name name, std::error_code& ec) {
    const visit inside(of);
    long result = inside.result();
    socket_address address;
    if (result == outcome::done) result = name(of->number(), address.storage, address.size);
    ec = outcome::to_error_code(result);
    return ec ? std::string() : to_path(address);
}

void throw_if(const std::error_code& ec, const char* what) {
    if (ec) throw io_error(ec, what);
}

} // namespace

unix_stream unix_stream::connect(std::string_view path, std::error_code& ec) {
    cancellation_point();
    const socket_address address = to_socket_address(path, ec);
    if (ec) return {};
    bare_socket socket(sys::socket(AF_UNIX, SOCK_STREAM));
    ec = outcome::to_error_code(
        socket.number() < 0 ? socket.number() : connect_patiently(socket.number(), address));
    if (ec) return {};
    registration* const attached = socket.attach(unix_traits, ec);
    return attached == nullptr ? unix_stream() : unix_stream(*attached);
}

unix_stream unix_stream::connect(std::string_view path) {
    std::error_code ec;
    unix_stream stream = connect(path, ec);
    if (ec) throw io_error(ec, "connect to '" + std::string(path) + "'");
    return stream;
}

std::pair<unix_stream, unix_stream> unix_stream::pair() {
    int numbers[2];
    std::error_code ec = outcome::to_error_code(sys::socket_pair(AF_UNIX, SOCK_STREAM, numbers));
    throw_if(ec, "socketpair");
    bare_socket first(numbers[0]);
    bare_socket second(numbers[1]);
    registration* const one = first.attach(unix_traits, ec);
    throw_if(ec, "socketpair");
    unix_stream left(*one);
    registration* const other = second.attach(unix_traits, ec);
    throw_if(ec, "socketpair");
    return {std::move(left), unix_stream(*other)};
}

void unix_stream::send_fd(int fd, std::error_code& ec) {
    turn mine(registration_, flow::out);
    long result = mine.take();
    if (result == outcome::done)
        result = mine.perform(0, [&] { return sys::send_descriptor(registration_->number(), fd); });
    ec = outcome::to_error_code(result);
}

void unix_stream::send_fd(int fd) {
    std::error_code ec;
    send_fd(fd, ec);
    if (ec) throw io_error(ec, "send descriptor " + std::to_string(fd));
}

int unix_stream::recv_fd(std::error_code& ec) {
    turn mine(registration_, flow::in);
    int received = -1;
    long result = mine.take();
    if (result == outcome::done)
        result = mine.perform(0, [&] { return sys::receive_descriptor(registration_->number(), received); });
    ec = outcome::to_error_code(result == 0 ? outcome::of(errc::eof) : result);
    if (!ec && received < 0) ec = std::make_error_code(std::errc::bad_message);
    return received;
}

int unix_stream::recv_fd() {
    std::error_code ec;
    const int received = recv_fd(ec);
    throw_if(ec, "receive a descriptor");
    return received;
}

peer_identity unix_stream::peer_credentials(std::error_code& ec) const {
    const visit inside(registration_);
    long result = inside.result();
    peer_identity peer;
    if (result == outcome::done)
        result = sys::peer_credentials(registration_->number(), peer.process, peer.user, peer.group);
    ec = outcome::to_error_code(result);
    return peer;
}

peer_identity unix_stream::peer_credentials() const {
    std::error_code ec;
    const peer_identity peer = peer_credentials(ec);
    throw_if(ec, "peer_credentials");
    return peer;
}

std::string unix_stream::local_path(std::error_code& ec) const {
    return path_by(registration_, sys::local_name, ec);
}
std::string unix_stream::remote_path(std::error_code& ec) const {
    return path_by(registration_, sys::peer_name, ec);
}
std::string unix_stream::local_path() const {
    std::error_code ec;
    std::string path = local_path(ec);
    throw_if(ec, "local_path");
    return path;
}
std::string unix_stream::remote_path() const {
    std::error_code ec;
    std::string path = remote_path(ec);
    throw_if(ec, "remote_path");
    return path;
}

} // namespace weft::net
