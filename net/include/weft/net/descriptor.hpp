// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/byte_stream.hpp>

namespace weft::net {

// Any descriptor that the system can poll: a pipe, an eventfd, a terminal, a socket made elsewhere. It is
// made non-blocking. A write to a pipe that nobody reads raises SIGPIPE, as write(2) does; one to a socket
// never does.
class [[gnu::visibility("default")]] descriptor : public byte_stream {
public:
    descriptor() noexcept = default; // not open

    // Closes it at the end. Throws io_error if it cannot be polled (a regular file); then it still belongs to
    // the caller.
    explicit descriptor(int owned);
    // Leaves it open at the end, and blocking if it was; it must stay open until then.
    static descriptor borrow(int fd);

private:
    friend descriptor own_pipe_end(int fd);
    explicit descriptor(registration& of) noexcept : byte_stream(of) {}
};

} // namespace weft::net
