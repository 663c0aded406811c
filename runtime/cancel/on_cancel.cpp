// SPDX-License-Identifier: BSL-1.0
#include <weft/on_cancel.hpp>

#include <utility>

namespace weft::detail {

cancel_wait::cancel_wait(counted_ref<cancel_state> of) noexcept
    : source(of ? &of->lock() : nullptr, of ? of->rank() : 0, node_),
      of_(std::move(of)) {}

bool cancel_wait::may_be_ready() const noexcept { return of_->is_cancelled(); }
bool cancel_wait::take() { return of_->is_cancelled(); }
void cancel_wait::enqueue() noexcept { of_->selecting().push(node_); }
void cancel_wait::withdraw() noexcept { of_->selecting().withdraw(node_); }

} // namespace weft::detail
