// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/peer_program.hpp"

namespace load {

bench::figures echo(const bench::sizes& size);
bench::figures udp_echo(const bench::sizes& size);
bench::figures tls_echo(const bench::sizes& size);
bench::figures connect(const bench::sizes& size);
bench::figures idle(const bench::sizes& size);

} // namespace load
