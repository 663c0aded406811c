// SPDX-License-Identifier: BSL-1.0
#include "lock_of_the_closed.hpp"
#include "poller/registration.hpp"

#include <weft/backend/sys.hpp>
#include <weft/net/readiness.hpp>

namespace weft::net {

struct pollable_access {
    static registration* entered(const pollable& of) noexcept {
        registration* const inner = of.registration_;
        return inner != nullptr && inner->enter() == outcome::done ? inner : nullptr;
    }
};

namespace detail {
namespace {

constexpr flow direction(bool writing) noexcept { return writing ? flow::out : flow::in; }

} // namespace

readiness_source::readiness_source(const pollable& of, bool writing) noexcept
    : readiness_source(pollable_access::entered(of), writing) {}

readiness_source::readiness_source(registration* entered, bool writing) noexcept
    : source(entered == nullptr ? &lock_of_the_closed : &entered->lock(),
          entered == nullptr ? rank_of_the_closed : entered->rank(), node_),
      of_(entered),
      writing_(writing) {}

readiness_source::~readiness_source() {
    if (of_ != nullptr) of_->leave();
}

bool readiness_source::is_closed() const noexcept { return of_ == nullptr || !of_->open(); }

long readiness_source::closed_outcome() const noexcept {
    return queued_ ? outcome::closed_meanwhile : outcome::closed;
}

bool readiness_source::is_ready() const noexcept { return sys::ready_now(of_->number(), writing_); }

// What arrives after the look is counted as an edge under the same lock, and finds the node.
bool readiness_source::take() {
    if (is_closed())
        detail::throw_io_error(
            outcome::to_error_code(closed_outcome()), writing_ ? "on_writable" : "on_readable");
    return is_ready();
}
// The edge may be that of bytes which were read before this wait began: the poller reports it when it comes round to it. If it is
// closed, take() tells.
bool readiness_source::happened() const noexcept { return !is_closed() && is_ready(); }
void readiness_source::enqueue() noexcept {
    queued_ = true;
    of_->watch(direction(writing_), node());
}
void readiness_source::withdraw() noexcept { of_->unwatch(direction(writing_), node()); }

} // namespace detail
} // namespace weft::net
