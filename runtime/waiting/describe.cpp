// SPDX-License-Identifier: BSL-1.0
#include "debug/dump.hpp"
#include "fiber/fiber_registry.hpp"

#include <weft/waiting/describe.hpp>

namespace weft {

std::string describe(const waiter& who) {
    if (!who.is_fiber()) return "a thread";
    // Control blocks are never freed; pinned, this one is not used again meanwhile.
    auto& fiber = const_cast<fiber_control&>(static_cast<const fiber_control&>(who));
    if (!fiber_registry::pin(fiber)) return "a fiber that has ended";
    std::string text = fiber.has_ended() ? "a fiber that has ended" : debug::describe(fiber);
    fiber_registry::unpin(fiber);
    return text;
}

} // namespace weft
