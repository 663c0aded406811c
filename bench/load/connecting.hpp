// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace load {

// A non-blocking socket that is connected to the server on this machine's port: SOCK_STREAM or SOCK_DGRAM. The n-th one comes from
// one of 64 addresses, so that many can be made and closed in a short time without running out of ports.
int connect_to(std::uint16_t port, int kind, std::size_t n);

} // namespace load
