// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/descriptor.hpp>

namespace weft::net {

// As descriptor(fd), but a write to a pipe that nobody reads fails with broken_pipe and raises no SIGPIPE. If it throws, fd still
// belongs to the caller.
descriptor own_pipe_end(int fd);

} // namespace weft::net
