// SPDX-License-Identifier: BSL-1.0
#include "debug/sigquit.hpp"

#include "scheduler/watchdog.hpp"

#include <weft/backend/sys.hpp>

#include <atomic>
#include <mutex>

#include <signal.h>

// The handler sets a flag and pokes a watchdog through a futex, both async-signal-safe; the watchdog prints.
// [G1] printer: the handler counts itself in before it reads the pointer, remove clears the pointer and then
// waits until no handler is inside; sequentially consistent, so a handler that was missed has seen the
// cleared pointer.
// Whoever puts an action of his own over this one while the dump is installed (a net::signal_set) gives it
// back later, perhaps when no runtime is left: it is then left_behind, and does what the default action does.
namespace weft::debug {
namespace {

std::atomic<watchdog*> printer_now{nullptr};
std::atomic<int> handlers_inside{0};
std::atomic<bool> requested{false};
std::atomic<bool> left_behind{false};
std::mutex installing;

void on_sigquit(int) {
    handlers_inside.fetch_add(1, std::memory_order_seq_cst);
    if (watchdog* printer = printer_now.load(std::memory_order_seq_cst)) {
        requested.store(true, std::memory_order_release);
        printer->poke();
    } else if (left_behind.load(std::memory_order_relaxed)) {
        const struct sigaction none{};
        sys::signal_action(SIGQUIT, &none, nullptr);
        ::raise(SIGQUIT); // comes when this handler returns
    }
    handlers_inside.fetch_sub(1, std::memory_order_seq_cst);
}

bool is_handled_by(const struct sigaction& action, void (*handler)(int)) noexcept {
    return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == handler;
}

} // namespace

void install_sigquit_dump(watchdog& printer) noexcept {
    const std::lock_guard guard(installing);
    if (printer_now.load(std::memory_order_relaxed) != nullptr) return;
    struct sigaction before{};
    if (sys::signal_action(SIGQUIT, nullptr, &before) != 0 ||
        !(is_handled_by(before, SIG_DFL) || is_handled_by(before, &on_sigquit))) // NOLINT
        return;
    printer_now.store(&printer, std::memory_order_seq_cst);
    left_behind.store(false, std::memory_order_relaxed);
    struct sigaction action{};
    action.sa_handler = &on_sigquit;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sys::signal_action(SIGQUIT, &action, nullptr);
}

void remove_sigquit_dump(watchdog& printer) noexcept {
    const std::lock_guard guard(installing);
    if (printer_now.load(std::memory_order_relaxed) != &printer) return;
    struct sigaction now{};
    const struct sigaction none{};
    if (sys::signal_action(SIGQUIT, nullptr, &now) == 0 && is_handled_by(now, &on_sigquit))
        sys::signal_action(SIGQUIT, &none, nullptr);
    else
        left_behind.store(true, std::memory_order_relaxed);
    printer_now.store(nullptr, std::memory_order_seq_cst); // [G1]
    while (handlers_inside.load(std::memory_order_seq_cst) != 0) continue;
}

bool take_dump_request() noexcept {
    return requested.load(std::memory_order_relaxed) && requested.exchange(false, std::memory_order_acquire);
}

} // namespace weft::debug
