// SPDX-License-Identifier: BSL-1.0
#include "accepting.hpp"
#include "bare_socket.hpp"

#include <weft/net/error.hpp>
#include <weft/net/unix.hpp>

#include <climits>

namespace weft::net {

// The permissions are set before the path exists, where the system lets them be.
unix_listener unix_listener::listen(
    std::string_view path, const unix_listen_options& options, std::error_code& ec) {
    const socket_address address = to_socket_address(path, ec);
    if (ec) return {};
    bare_socket socket(sys::socket(AF_UNIX, SOCK_STREAM));
    long result = socket.number();
    if (result >= 0) result = sys::set_permissions(socket.number(), options.permissions);
    if (result >= 0) result = socket.bind(address);
    ec = outcome::to_error_code(result);
    if (ec) return {};

    file_identity made;
    const std::string name(path);
    if (name.front() != '@') sys::file_identity(name.c_str(), made.device, made.number);
    result = sys::listen(socket.number(), options.backlog > 0 ? options.backlog : INT_MAX);
    ec = outcome::to_error_code(result);
    registration* const attached = ec ? nullptr : socket.attach(unix_traits, ec);
    if (attached != nullptr) return unix_listener(*attached, name, made);
    if (made.number != 0) sys::unlink(name.c_str());
    return {};
}

unix_listener unix_listener::listen(std::string_view path, std::error_code& ec) {
    return listen(path, {}, ec);
}

unix_listener unix_listener::listen(std::string_view path, const unix_listen_options& options) {
    std::error_code ec;
    unix_listener listener = listen(path, options, ec);
    if (ec) throw io_error(ec, "listen on '" + std::string(path) + "'");
    return listener;
}

unix_stream unix_listener::accept(std::error_code& ec) {
    socket_address peer;
    bare_socket accepted = accept_from(registration_, peer, ec);
    if (ec) return {};
    registration* const attached = accepted.attach(unix_traits, ec);
    return attached == nullptr ? unix_stream() : unix_stream(*attached);
}

unix_stream unix_listener::accept() {
    std::error_code ec;
    unix_stream stream = accept(ec);
    if (ec) throw io_error(ec, "accept");
    return stream;
}

unix_stream unix_listener::open(detail::accept_source& from) {
    endpoint nameless;
    bare_socket socket = from.take_accepted(nameless);
    std::error_code ec;
    registration* const attached = socket.attach(unix_traits, ec);
    if (ec) throw io_error(ec, "accept");
    return unix_stream(*attached);
}

void unix_listener::close(std::error_code& ec) noexcept {
    pollable::close(ec);
    if (!ec) remove_path();
}

void unix_listener::close() {
    std::error_code ec;
    close(ec);
    if (ec) throw io_error(ec, "close");
}

unix_listener& unix_listener::operator=(unix_listener&& other) noexcept {
    if (this != &other) {
        std::error_code ec;
        close(ec);
        path_ = std::move(other.path_);
        made_ = other.made_;
        pollable::operator=(std::move(other));
    }
    return *this;
}

unix_listener::~unix_listener() {
    std::error_code ec;
    close(ec);
}

void unix_listener::remove_path() const noexcept {
    file_identity there;
    if (made_.number == 0) return;
    if (sys::file_identity(path_.c_str(), there.device, there.number) < 0) return;
    if (there.device == made_.device && there.number == made_.number) sys::unlink(path_.c_str());
}

} // namespace weft::net
