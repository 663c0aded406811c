// SPDX-License-Identifier: BSL-1.0
#include "accepting.hpp"
#include "bare_socket.hpp"
#include "host_port.hpp"
#include "poller/turn.hpp"

#include <weft/net/error.hpp>
#include <weft/net/resolve.hpp>
#include <weft/net/tcp.hpp>

#include <climits>
#include <string>

#include <netinet/in.h>

namespace weft::net {
namespace {

// Accepted sockets inherit these options from the listener.
constexpr connect_options accepted;

long start(const bare_socket& socket, const endpoint& at, const listen_options& options) noexcept {
    if (socket.number() < 0) return socket.number();
    sys::set_option(socket.number(), SOL_SOCKET, SO_REUSEADDR, 1);
    set_tcp_options(socket, accepted.nodelay, accepted.keepalive);
    if (options.reuse_port) {
        if (const long result = sys::set_option(socket.number(), SOL_SOCKET, SO_REUSEPORT, 1); result < 0)
            return result;
    }
    if (at.is_v6()) {
        const long result =
            sys::set_option(socket.number(), IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0);
        if (result < 0) return result;
    }
    if (const long result = socket.bind(to_socket_address(at)); result < 0) return result;
    return sys::listen(socket.number(), options.backlog > 0 ? options.backlog : INT_MAX);
}

[[noreturn]] void throw_failed(const std::error_code& ec, const std::string& where) {
    throw io_error(ec, "listen on " + where);
}

} // namespace

tcp_listener tcp_listener::listen(
    const endpoint& address, const listen_options& options, std::error_code& ec) {
    bare_socket socket = make_inet_socket(address, SOCK_STREAM);
    ec = outcome::to_error_code(start(socket, address, options));
    if (ec) return {};
    registration* const attached = socket.attach(tcp_traits, ec);
    return attached == nullptr ? tcp_listener() : tcp_listener(*attached);
}

tcp_listener tcp_listener::listen(
    std::string_view address, const listen_options& options, std::error_code& ec) {
    if (address.starts_with(':'))
        return on_all_addresses(
            address,
            [&](const std::string& at, std::error_code& error) { return listen(at, options, error); }, ec);
    const std::vector<endpoint> all = find_endpoints(address, ec);
    return all.empty() ? tcp_listener() : listen(all.front(), options, ec);
}

tcp_listener tcp_listener::listen(std::string_view address, std::error_code& ec) {
    return listen(address, {}, ec);
}
tcp_listener tcp_listener::listen(const endpoint& address, std::error_code& ec) {
    return listen(address, {}, ec);
}

tcp_listener tcp_listener::listen(std::string_view address, const listen_options& options) {
    std::error_code ec;
    tcp_listener listener = listen(address, options, ec);
    if (ec == std::errc::invalid_argument || ec.category() == resolve_category())
        throw_failed(ec, "'" + std::string(address) + "'");
    if (ec) throw_failed(ec, std::string(address));
    return listener;
}
tcp_listener tcp_listener::listen(const endpoint& address, const listen_options& options) {
    std::error_code ec;
    tcp_listener listener = listen(address, options, ec);
    if (ec) throw_failed(ec, address.to_string());
    return listener;
}

tcp_stream tcp_listener::accept(std::error_code& ec) {
    socket_address peer;
    bare_socket accepted_socket = accept_from(registration_, peer, ec);
    if (ec) return {};
    registration* const attached = accepted_socket.attach(tcp_traits, ec);
    return attached == nullptr ? tcp_stream() : tcp_stream(*attached, to_endpoint(peer));
}

tcp_stream tcp_listener::accept() {
    std::error_code ec;
    tcp_stream stream = accept(ec);
    if (ec) throw io_error(ec, "accept");
    return stream;
}

tcp_stream tcp_listener::open(detail::accept_source& from) {
    endpoint peer;
    bare_socket socket = from.take_accepted(peer);
    std::error_code ec;
    registration* const attached = socket.attach(tcp_traits, ec);
    if (ec) throw io_error(ec, "accept");
    return tcp_stream(*attached, peer);
}

endpoint tcp_listener::local_endpoint(std::error_code& ec) const {
    return net::local_endpoint(registration_, ec);
}
endpoint tcp_listener::local_endpoint() const {
    std::error_code ec;
    const endpoint result = local_endpoint(ec);
    if (ec) throw io_error(ec, "local_endpoint");
    return result;
}

} // namespace weft::net
