// SPDX-License-Identifier: BSL-1.0
#include <weft/cancel_token.hpp>

#include <utility>

namespace weft {

cancel_registration::cancel_registration(
    counted_ref<detail::cancel_state> state, std::function<void()> callback)
    : state_(std::move(state)) {
    if (!state_) return;
    callback_ = counted_ref(new detail::cancel_callback(*state_, std::move(callback)));
    if (!state_->add(*callback_)) callback_->call();
}

void cancel_registration::reset() noexcept {
    if (!callback_) return;
    callback_->withdraw();
    callback_ = {};
    state_ = {};
}

} // namespace weft
