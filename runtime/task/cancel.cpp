// SPDX-License-Identifier: BSL-1.0
#include "scheduler/worker.hpp"

#include <weft/cancel.hpp>
#include <weft/waiting/park.hpp>

#include <utility>

namespace weft {

cancelled::cancelled(const std::string& reason, std::exception_ptr cause)
    : reason_(std::make_shared<const std::string>(reason)),
      cause_(std::move(cause)) {}

const char* cancelled::what() const noexcept { return reason_->c_str(); }

void throw_cancelled() { throw cancelled("the fiber was cancelled"); }

void cancellation_point() {
    const worker* here = worker::current();
    if (here == nullptr || here->running() == nullptr) return;
    const fiber_control& fiber = *here->running();
    if (fiber.cancel_requested.load(std::memory_order_relaxed) && fiber.shields == 0 &&
        !here->exception_in_flight())
        throw_cancelled();
}

cancellation_shield::cancellation_shield() noexcept {
    worker* here = worker::current();
    if (here != nullptr && here->running() != nullptr) ++here->running()->shields;
}

cancellation_shield::~cancellation_shield() {
    worker* here = worker::current();
    if (here != nullptr && here->running() != nullptr) --here->running()->shields;
}

} // namespace weft
