// SPDX-License-Identifier: BSL-1.0
#include "debug/replaced_action.hpp"

#include <weft/backend/sys.hpp>

namespace weft {

void replaced_action::replace(int signal, handler now, int flags) noexcept {
    sys::signal_action(signal, nullptr, &before_);
    in_place_.store(true, std::memory_order_release); // [R1]
    struct sigaction action{};
    action.sa_sigaction = now;
    action.sa_mask = before_.sa_mask;
    action.sa_flags = SA_SIGINFO | flags | (before_.sa_flags & (SA_NODEFER | SA_RESTART));
    sys::signal_action(signal, &action, nullptr);
}

bool replaced_action::pass_on(int signal, siginfo_t* information, void* context) noexcept {
    if (!in_place_.load(std::memory_order_acquire)) return false; // [R1]
    const bool once = (static_cast<unsigned>(before_.sa_flags) & static_cast<unsigned>(SA_RESETHAND)) != 0;
    if ((before_.sa_flags & SA_SIGINFO) == 0 &&
        (before_.sa_handler == SIG_DFL || before_.sa_handler == SIG_IGN)) // NOLINT
        return false;
    if (once && used_up_.exchange(true, std::memory_order_relaxed)) return false;
    if ((before_.sa_flags & SA_SIGINFO) != 0)
        before_.sa_sigaction(signal, information, context);
    else
        before_.sa_handler(signal);
    return true;
}

bool replaced_action::ignored() const noexcept {
    return (before_.sa_flags & SA_SIGINFO) == 0 && before_.sa_handler == SIG_IGN; // NOLINT
}

} // namespace weft
