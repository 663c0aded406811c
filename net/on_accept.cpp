// SPDX-License-Identifier: BSL-1.0
#include "accepting.hpp"
#include "poller/turn.hpp"

#include <weft/net/error.hpp>
#include <weft/net/on_accept.hpp>

#include <errno.h>

namespace weft::net::detail {
namespace {

constexpr long nothing_yet = -EAGAIN;

} // namespace

accept_source::accept_source(const pollable& listener) noexcept
    : readiness_source(listener, false),
      accepted_(nothing_yet) {}

accept_source::~accept_source() { const bare_socket not_taken(static_cast<int>(accepted_)); }

// Without the turn: accepting is one step to the system, and who is parked there finds that nothing is left.
bool accept_source::try_accept() const noexcept {
    if (is_closed()) {
        accepted_ = closed_outcome();
        return true;
    }
    socket_address peer;
    accepted_ = accept_next(of_->number(), peer);
    if (accepted_ >= 0) peer_ = to_endpoint(peer);
    return accepted_ != nothing_yet;
}

bool accept_source::take() { return try_accept(); }
bool accept_source::happened() const noexcept { return try_accept(); }

bare_socket accept_source::take_accepted(endpoint& peer) {
    const long accepted = std::exchange(accepted_, nothing_yet);
    if (accepted < 0) throw io_error(outcome::to_error_code(accepted), "accept");
    peer = peer_;
    return bare_socket(static_cast<int>(accepted));
}

} // namespace weft::net::detail
