// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/peer_program.hpp"

namespace bare {

bench::figures spawn_join_batch(const bench::sizes& size);
bench::figures spawn_join_one(const bench::sizes& size);
bench::figures wakeup(const bench::sizes& size);
bench::figures echo(const bench::sizes& size);
bench::figures udp_echo(const bench::sizes& size);
bench::figures mutex_uncontended(const bench::sizes& size);
bench::figures mutex_contended(const bench::sizes& size);

} // namespace bare
