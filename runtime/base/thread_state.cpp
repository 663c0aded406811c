// SPDX-License-Identifier: BSL-1.0
#include "base/thread_state.hpp"

#include "task/locals.hpp"
#include "waiting/thread_waiter.hpp"

#include <utility>

namespace weft {

namespace {

constinit thread_local thread_state state;

struct release_at_exit {
    ~release_at_exit() {
        if (state.locals != nullptr) destroy_locals(std::exchange(state.locals, nullptr));
        if (state.waiter != nullptr) thread_waiter::give_back(*std::exchange(state.waiter, nullptr));
    }
};

} // namespace

// noinline alone is not enough: g++ would still merge two calls, which noipa forbids; clang would where it
// sees the body, did the opaque statement not have an effect.
#if defined(__clang__)
[[gnu::noinline]]
#else
[[gnu::noipa]]
#endif
thread_state& this_thread_state() noexcept {
    thread_state* mine = &state;
    asm volatile("" : "+r"(mine));
    return *mine;
}

void release_state_at_thread_exit() noexcept {
    thread_local const release_at_exit at_exit;
    static_cast<void>(at_exit);
}

} // namespace weft
