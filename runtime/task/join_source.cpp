// SPDX-License-Identifier: BSL-1.0
#include "fiber/fiber_control.hpp"

#include <weft/on_join.hpp>

namespace weft::detail {
namespace {

fiber_control& joinable(fiber_control* fiber) {
    if (fiber == nullptr) throw_not_joinable("on_join");
    return *fiber;
}

// Fibers are numbered by themselves: behind all that new_lock_rank() gives.
constexpr std::uint64_t rank_of_fibers = std::uint64_t{1} << 63;

} // namespace

join_source::join_source(fiber_control* of) : join_source(joinable(of)) {}

join_source::join_source(fiber_control& of) noexcept
    : source(&of.lock, rank_of_fibers | of.id, node_),
      of_(of) {}

bool join_source::may_be_ready() const noexcept { return of_.has_ended(); }

// From now on the fiber's end takes the lock: it cannot end between this look and the queueing.
bool join_source::take() {
    return (of_.life.fetch_or(fiber_control::awaited, std::memory_order_acq_rel) & fiber_control::ended) !=
        0; // [F1]
}

void join_source::enqueue() noexcept { of_.joiners.push(node_); }
void join_source::withdraw() noexcept { of_.joiners.withdraw(node_); }

} // namespace weft::detail
