// SPDX-License-Identifier: BSL-1.0
#include "cancel/scope_stack.hpp"

#include <weft/cancel_scope.hpp>

namespace weft {

cancel_scope::~cancel_scope() {
    for (link& each : links_)
        if (each.to) each.to->remove(each);
}

void cancel_scope::listen(link& with, const cancel_token& token) noexcept {
    if (!token.stop_possible()) return;
    with.frame = &frame_;
    if (token.state_->add(with))
        with.to = token.state_;
    else
        frame_.cancel(token.state_->reason());
}

void cancel_scope::link::tell(detail::cancellation& run) noexcept { scope_stack::fire(*frame, run); }

} // namespace weft
