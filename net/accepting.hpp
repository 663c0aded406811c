// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "bare_socket.hpp"

#include <system_error>

// Taking a connection out of a listener's backlog, for TCP and Unix alike. What went wrong with one peer alone is
// passed over; without descriptors nothing is taken from the backlog.
namespace weft::net {

// One attempt. The number, -EAGAIN: none waits, or -errno.
long accept_next(int listener, socket_address& peer) noexcept;

// Waits for one. A socket that is not there: ec says why.
bare_socket accept_from(registration* listener, socket_address& peer, std::error_code& ec);

} // namespace weft::net
