// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/net/tcp.hpp>

#include <chrono>
#include <functional>
#include <system_error>
#include <vector>

// Connecting to a host that has several addresses.
//
// Source: RFC 8305, "Happy Eyeballs". The address families take turns, beginning with that of the first address; the
// next address is tried as soon as an attempt has failed, or has gone on for as long as its head start. The first
// connection wins, the other attempts are cancelled.
namespace weft::net {

// At least one. Alternates between the families, and keeps the order within each.
std::vector<endpoint> in_turns_of_families(const std::vector<endpoint>& addresses);

// Blocks; a cancellation point. A stream that is not open: ec has the first failure.
using connect_attempt = std::function<tcp_stream(const endpoint& to, std::error_code& ec)>;
inline constexpr std::chrono::milliseconds usual_head_start(250);
tcp_stream race(const std::vector<endpoint>& addresses, const connect_attempt& attempt,
    clock::duration head_start, std::error_code& ec);

} // namespace weft::net
