// SPDX-License-Identifier: BSL-1.0
#include "bare_socket.hpp"
#include "connect_race.hpp"
#include "host_port.hpp"
#include "poller/turn.hpp"

#include <weft/net/error.hpp>
#include <weft/net/tcp.hpp>

#include <string>

namespace weft::net {
namespace {

// 0: connected; -EAGAIN: not yet, as far as can be seen.
long connection_state(int fd) noexcept {
    int error = 0;
    if (const long result = sys::get_option(fd, SOL_SOCKET, SO_ERROR, error); result < 0) return result;
    if (error != 0) return -error;
    socket_address peer;
    const long result = sys::peer_name(fd, peer.storage, peer.size);
    return result == -ENOTCONN ? -EAGAIN : result;
}

// On loopback a socket whose own port was picked at random may be the one that it connects to.
bool connected_to_itself(int fd, const endpoint& remote) noexcept {
    socket_address local;
    return sys::local_name(fd, local.storage, local.size) == 0 && to_endpoint(local) == remote;
}

long start(const bare_socket& socket, const endpoint& to, const connect_options& options) noexcept {
    if (socket.number() < 0) return socket.number();
    set_tcp_options(socket, options.nodelay, options.keepalive);
    if (options.local) {
        if (const long result = socket.bind(to_socket_address(*options.local)); result < 0) return result;
    }
    const socket_address address = to_socket_address(to);
    const long result = sys::connect(socket.number(), address.get(), address.size);
    return result == -EINPROGRESS || result == -EINTR ? outcome::done : result;
}

// The socket is made known to the poller only now: one that is not yet connecting is reported as hung up.
long finish(registration& of, clock::time_point deadline) {
    of.set_deadline(flow::out, deadline);
    turn mine(&of, flow::out);
    long result = mine.take();
    if (result == outcome::done) result = mine.perform(0, [&of] { return connection_state(of.number()); });
    of.set_deadline(flow::out, never);
    return result;
}

constexpr int attempts_against_oneself = 3;

[[noreturn]] void throw_failed(const std::error_code& ec, std::string_view destination) {
    throw io_error(ec, "connect to '" + std::string(destination) + "'");
}

} // namespace

tcp_stream tcp_stream::connect_until(clock::time_point deadline, const endpoint& address,
    const connect_options& options, std::error_code& ec) {
    for (int attempt = 1;; ++attempt) {
        bare_socket socket = make_inet_socket(address, SOCK_STREAM);
        ec = outcome::to_error_code(start(socket, address, options));
        if (ec) return {};
        registration* const attached = socket.attach(tcp_traits, ec);
        if (attached == nullptr) return {};
        tcp_stream stream(*attached, address);
        ec = outcome::to_error_code(finish(*attached, deadline));
        if (ec) return {};
        if (options.local || attempt == attempts_against_oneself ||
            !connected_to_itself(attached->number(), address))
            return stream;
    }
}

tcp_stream tcp_stream::connect(const endpoint& address, const connect_options& options, std::error_code& ec) {
    return connect_until(detail::deadline_after(options.timeout), address, options, ec);
}

tcp_stream tcp_stream::connect(
    std::string_view address, const connect_options& options, std::error_code& ec) {
    const clock::time_point deadline = detail::deadline_after(options.timeout);
    const std::vector<endpoint> all = find_endpoints(address, ec);
    if (all.empty()) return {};
    const auto attempt = [&](const endpoint& to, std::error_code& failure) {
        return connect_until(deadline, to, options, failure);
    };
    return race(all, attempt, usual_head_start, ec);
}

tcp_stream tcp_stream::connect(std::string_view address, std::error_code& ec) {
    return connect(address, {}, ec);
}
tcp_stream tcp_stream::connect(const endpoint& address, std::error_code& ec) {
    return connect(address, {}, ec);
}

tcp_stream tcp_stream::connect(std::string_view address, const connect_options& options) {
    std::error_code ec;
    tcp_stream stream = connect(address, options, ec);
    if (ec) throw_failed(ec, address);
    return stream;
}
tcp_stream tcp_stream::connect(const endpoint& address, const connect_options& options) {
    std::error_code ec;
    tcp_stream stream = connect(address, options, ec);
    if (ec) throw_failed(ec, address.to_string());
    return stream;
}

endpoint tcp_stream::local_endpoint(std::error_code& ec) const {
    return net::local_endpoint(registration_, ec);
}
endpoint tcp_stream::local_endpoint() const {
    std::error_code ec;
    const endpoint result = local_endpoint(ec);
    if (ec) throw io_error(ec, "local_endpoint");
    return result;
}

endpoint tcp_stream::remote_endpoint(std::error_code& ec) const {
    ec = is_open() ? std::error_code() : outcome::to_error_code(outcome::closed);
    return remote_;
}
endpoint tcp_stream::remote_endpoint() const {
    std::error_code ec;
    const endpoint result = remote_endpoint(ec);
    if (ec) throw io_error(ec, "remote_endpoint");
    return result;
}

} // namespace weft::net
