// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "poller/registration.hpp"

#include <weft/net/stream_interface.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

// Reading and writing, whatever is read from. A registration that is not there stands for a stream that is
// not open.
namespace weft::net {

using detail::transfer;

transfer read_some(registration* from, std::span<std::byte> to);
transfer read_exactly(registration* from, std::span<std::byte> to);
transfer write_some(registration* to, std::span<const std::byte> from);
transfer write_all(registration* to, std::span<const std::byte> from);
transfer write_all(registration* to, std::span<const std::span<const std::byte>> pieces);
// Of a file; fewer bytes than asked for if it ends before.
transfer send_file(registration* to, int from, std::uint64_t offset, std::uint64_t count);

} // namespace weft::net
