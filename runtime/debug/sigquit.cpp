// SPDX-License-Identifier: BSL-1.0
#include "debug/sigquit.hpp"

#include "scheduler/watchdog.hpp"

#include <atomic>
#include <mutex>

#include <signal.h>

// The handler sets a flag and pokes a watchdog through a futex, both async-signal-safe; the watchdog prints.
// [G1] printer: the handler counts itself in before it reads the pointer, remove clears the pointer and then
// waits until no handler is inside; sequentially consistent, so a handler that was missed has seen the
// cleared pointer.
namespace weft::debug {
namespace {

std::atomic<watchdog*> printer_now{nullptr};
std::atomic<int> handlers_inside{0};
std::atomic<bool> requested{false};
std::mutex installing;
struct sigaction before;

void on_sigquit(int) {
    handlers_inside.fetch_add(1, std::memory_order_seq_cst);
    if (watchdog* printer = printer_now.load(std::memory_order_seq_cst)) {
        requested.store(true, std::memory_order_release);
        printer->poke();
    }
    handlers_inside.fetch_sub(1, std::memory_order_seq_cst);
}

} // namespace

void install_sigquit_dump(watchdog& printer) noexcept {
    const std::lock_guard guard(installing);
    if (printer_now.load(std::memory_order_relaxed) != nullptr) return;
    if (::sigaction(SIGQUIT, nullptr, &before) != 0 || (before.sa_flags & SA_SIGINFO) != 0 ||
        before.sa_handler != SIG_DFL)
        return;
    printer_now.store(&printer, std::memory_order_seq_cst);
    struct sigaction action{};
    action.sa_handler = &on_sigquit;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    ::sigaction(SIGQUIT, &action, nullptr);
}

void remove_sigquit_dump(watchdog& printer) noexcept {
    const std::lock_guard guard(installing);
    if (printer_now.load(std::memory_order_relaxed) != &printer) return;
    ::sigaction(SIGQUIT, &before, nullptr);
    printer_now.store(nullptr, std::memory_order_seq_cst); // [G1]
    while (handlers_inside.load(std::memory_order_seq_cst) != 0) continue;
}

bool take_dump_request() noexcept {
    return requested.load(std::memory_order_relaxed) && requested.exchange(false, std::memory_order_acquire);
}

} // namespace weft::debug
