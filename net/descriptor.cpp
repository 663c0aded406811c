// SPDX-License-Identifier: BSL-1.0
#include "pipe_end.hpp"
#include "poller/registration.hpp"

#include <weft/backend/sys.hpp>
#include <weft/net/descriptor.hpp>
#include <weft/net/error.hpp>

#include <string>

namespace weft::net {
namespace {

[[noreturn]] void fail(int fd, std::error_code ec) { throw io_error(ec, "descriptor " + std::to_string(fd)); }

registration& attach(int fd, bool borrowed, bool no_signal = false) {
    const int was_nonblocking = sys::set_nonblocking(fd, true);
    if (was_nonblocking < 0) fail(fd, outcome::to_error_code(was_nonblocking));
    int type = 0;
    const bool socket = sys::get_option(fd, SOL_SOCKET, SO_TYPE, type) == 0;
    if (socket) sys::suppress_sigpipe(fd);
    try {
        return registration::attach(fd,
            {.socket = socket,
                .stream_socket = socket && type == SOCK_STREAM,
                .borrowed = borrowed,
                .was_blocking = was_nonblocking == 0,
                .no_signal = no_signal});
    } catch (const std::system_error& error) {
        if (was_nonblocking == 0) sys::set_nonblocking(fd, false);
        fail(fd, error.code());
    }
}

} // namespace

descriptor::descriptor(int owned) : descriptor(attach(owned, false)) {}

descriptor descriptor::borrow(int fd) { return descriptor(attach(fd, true)); }

descriptor own_pipe_end(int fd) { return descriptor(attach(fd, false, true)); }

} // namespace weft::net
