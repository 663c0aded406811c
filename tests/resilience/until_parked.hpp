// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/fibers_test.hpp"

#include <string>

namespace weft::test {

// Until a fiber waits for something, or has ended.
template <class R>
void until_parked(const fiber<R>& of) {
    const fiber_id id = of.id();
    for (bool running = true; running; yield()) {
        running = false;
        fiber_registry::instance().for_each([&](fiber_control& each) {
            if (fiber_id(each.id) == id && !each.has_ended())
                running = each.phase.load(std::memory_order_acquire) != fiber_phase::parked;
        });
    }
}

// What the call's exception says; empty if there is none.
template <class Exception, class Call>
std::string complaint(Call&& call) {
    try {
        call();
    } catch (const Exception& thrown) {
        return thrown.what();
    }
    return {};
}

} // namespace weft::test
