// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/peer_program.hpp"

namespace weft_peer {

bench::figures yield(const bench::sizes& size);
bench::figures spawn_join_batch(const bench::sizes& size);
bench::figures spawn_join_one(const bench::sizes& size);
bench::figures wakeup(const bench::sizes& size);
bench::figures sleep(const bench::sizes& size);
bench::figures skynet(const bench::sizes& size);
bench::figures parked(const bench::sizes& size);
bench::figures echo(const bench::sizes& size);
bench::figures udp_echo(const bench::sizes& size);
bench::figures tls_echo(const bench::sizes& size);
bench::figures chan_seq(const bench::sizes& size);
bench::figures chan_pingpong(const bench::sizes& size);
bench::figures chan_spsc(const bench::sizes& size);
bench::figures chan_mpsc(const bench::sizes& size);
bench::figures chan_mpmc(const bench::sizes& size);
bench::figures select2(const bench::sizes& size);
bench::figures select4(const bench::sizes& size);
bench::figures mutex_uncontended(const bench::sizes& size);
bench::figures mutex_contended(const bench::sizes& size);
bench::figures skynet_channels(const bench::sizes& size);
bench::figures sieve(const bench::sizes& size);

} // namespace weft_peer
