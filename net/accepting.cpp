// SPDX-License-Identifier: BSL-1.0
#include "accepting.hpp"

#include "poller/turn.hpp"

#include <errno.h>

namespace weft::net {
namespace {

// What became of one peer, or of the network on the way to it, while it waited in the backlog; see accept(2).
bool concerns_one_peer(long outcome) noexcept {
    switch (-outcome) {
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
#ifdef ENONET
    case ENONET:
#endif
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH: return true;
    default: return false;
    }
}

} // namespace

long accept_next(int listener, socket_address& peer) noexcept {
    for (;;) {
        const long result = sys::accept(listener, peer.storage, peer.size);
        if (!concerns_one_peer(result)) return result == -ENFILE ? -EMFILE : result;
    }
}

bare_socket accept_from(registration* listener, socket_address& peer, std::error_code& ec) {
    turn mine(listener, flow::in);
    long result = mine.take();
    if (result == outcome::done)
        result = mine.perform(0, [&] { return accept_next(listener->number(), peer); });
    ec = outcome::to_error_code(result);
    return bare_socket(static_cast<int>(result));
}

} // namespace weft::net
