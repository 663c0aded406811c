// SPDX-License-Identifier: BSL-1.0
#include "fiber/overflow.hpp"

#include "debug/code_module.hpp"
#include "debug/frame_chain.hpp"
#include "debug/frame_text.hpp"
#include "debug/replaced_action.hpp"

#include <weft/backend/sys.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <system_error>

#include <unistd.h>

namespace weft {
namespace {

constexpr std::size_t frames_at_top = 24;
constexpr std::size_t frames_at_bottom = 8;
constexpr unsigned patience_seconds = 5;
constexpr std::size_t room_for_handlers = 64 << 10;
constexpr std::size_t largest_page = 64 << 10;
constexpr std::size_t guard_size = largest_page;

std::atomic<overflow_lookup> which_fiber{nullptr};
std::atomic<int> reporter{0}; // the thread whose overflow is reported
replaced_action segv_before;
replaced_action bus_before;
code_map code; // of the reporter

void write_size(signal_text& text, std::size_t bytes) noexcept {
    if (bytes >= 1 << 20 && bytes % (1 << 20) == 0)
        text.decimal(bytes >> 20) << " MiB";
    else
        text.decimal(bytes >> 10) << " KiB";
}

void write_headline(signal_text& text, const overflow_subject& fiber) noexcept {
    text << "stack overflow in " << (fiber.in_generator ? "a generator of " : "") << "fiber ";
    text.decimal(fiber.id);
    if (fiber.name != nullptr) text << " '" << fiber.name << "'";
    if (fiber.file != nullptr) {
        (text << " (spawned at " << fiber.file << ":").decimal(fiber.line) << ")";
    } else if (fiber.spawned_from != nullptr) {
        text << " (spawned at ";
        write_symbol(text, fiber.spawned_from);
        text << ")";
    }
    text << ", ";
    write_size(text, fiber.size != 0 ? fiber.size : static_cast<std::size_t>(fiber.high - fiber.low));
    text << (fiber.in_generator
            ? "; a larger one: the generator's second argument\n"
            : "; a larger one: fiber_options{.stack_size = ...} or options.stack_size / WEFT_STACK_SIZE\n");
    text.flush();
}

// The top and the bottom of what may be a very deep recursion; the chain is walked to its end in any case.
void write_backtrace(signal_text& text, const registers& at, const overflow_subject& fiber) noexcept {
    if (at.pc == nullptr) return;
    std::array<void*, frames_at_bottom> last;
    std::size_t count = 0;
    const auto take = [&](void* pc) {
        if (count < frames_at_top)
            write_frame(text, "    ", count, pc);
        else
            last[count % frames_at_bottom] = pc;
        ++count;
    };
    const stack_view stack{fiber.low, fiber.high};
    code.refresh();
    const chain_start start = find_chain(at, stack, code);
    take(at.pc);
    if (start.caller != nullptr) take(start.caller);
    frame_chain chain(stack, start.fp);
    while (void* const pc = chain.next()) take(pc);
    if (count > frames_at_top + frames_at_bottom) text << "    ...\n";
    const std::size_t shown =
        std::max(frames_at_top, count < frames_at_bottom ? 0 : count - frames_at_bottom);
    for (std::size_t i = shown; i < count; ++i) write_frame(text, "    ", i, last[i % frames_at_bottom]);
}

void die_of(siginfo_t& information) noexcept {
    struct sigaction action{};
    sys::signal_action(information.si_signo, &action, nullptr);
    // With the fault's own description, and taken when the handler returns, so that the core dump shows the
    // fault.
    sys::signal_queue(sys::thread_id(), information);
}

void die_of_impatience(int) noexcept {
    siginfo_t information{};
    information.si_signo = SIGSEGV;
    information.si_code = SI_QUEUE;
    die_of(information);
    sys::signal_unblock(SIGSEGV);
}

void be_impatient() noexcept {
    struct sigaction action{};
    action.sa_handler = &die_of_impatience;
    sys::signal_action(SIGALRM, &action, nullptr);
    sys::signal_unblock(SIGALRM);
    sys::alarm_after(patience_seconds);
}

void report(const overflow_subject& fiber, siginfo_t& fault, const void* context) noexcept {
    int nobody = 0;
    const int self = sys::thread_id();
    if (reporter.compare_exchange_strong(nobody, self, std::memory_order_relaxed)) { // [O1]
        be_impatient();
        signal_text text(STDERR_FILENO);
        write_headline(text, fiber);
        write_backtrace(text, registers_of(context), fiber);
    } else if (nobody != self) {
        for (;;) sys::signal_wait();
    }
    die_of(fault);
}

void on_fault(int signal, siginfo_t* fault, void* context) {
    const int error = errno;
    const overflow_lookup lookup = which_fiber.load(std::memory_order_acquire); // [O2]
    replaced_action& before = signal == SIGBUS ? bus_before : segv_before;
    const bool from_kernel = fault->si_code > 0;
    overflow_subject fiber;
    if (from_kernel && lookup(fault->si_addr, fiber))
        report(fiber, *fault, context);
    else if (!before.pass_on(signal, fault, context) && (from_kernel || !before.ignored()))
        die_of(*fault); // the kernel does not let a fault be ignored
    errno = error;
}

} // namespace

void install_overflow_report(overflow_lookup lookup) noexcept {
    overflow_lookup none = nullptr;
    if (!which_fiber.compare_exchange_strong(
            none, lookup, std::memory_order_release, std::memory_order_relaxed)) // [O2]
        return;
    segv_before.replace(SIGSEGV, &on_fault, SA_ONSTACK);
    bus_before.replace(SIGBUS, &on_fault, SA_ONSTACK);
}

alternate_stack::alternate_stack()
    : size_((room_for_handlers + sys::signal_frame_size() + largest_page - 1) / largest_page * largest_page),
      guard_(static_cast<std::byte*>(sys::map_reserve(guard_size + size_))) {
    int error = -ENOMEM;
    if (guard_ != nullptr) {
        stack_t stack{};
        stack.ss_sp = guard_ + guard_size;
        stack.ss_size = size_;
        error = sys::map_open(stack.ss_sp, stack.ss_size);
        if (error == 0) error = sys::signal_stack(&stack, &before_);
        if (error == 0) return;
        sys::unmap(guard_, guard_size + size_);
    }
    throw std::system_error(-error, std::generic_category(), "weft: alternate signal stack");
}

alternate_stack::~alternate_stack() {
    sys::signal_stack(&before_, nullptr);
    sys::unmap(guard_, guard_size + size_);
}

} // namespace weft
