// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/context_switch.hpp"
#include "fiber/exception_state.hpp"
#include "fiber/sanitizer_fiber.hpp"
#include "fiber/stack_slot.hpp"

#include <weft/generator.hpp>

#include <cstddef>

// A generator's stack: a second one for the fiber or thread that resumes it.
//
// The switch. Consumer and body switch to each other directly. The fiber stays the one it was, and the worker need not know: a
// fiber that parks in a body saves that stack's context as its own, and goes on there. So between a switch and its return the fiber
// may have come to another worker, and the body may be resumed by another fiber than before: whatever belongs to a thread is asked
// for anew after each switch.
//
// What belongs to the stack and not to the fiber is exchanged at each switch: the exceptions in flight, and what the sanitizers know
// of the stack. Invariant: fiber_control::sanitizer, or thread_state::sanitizer of a plain thread, describes the stack that runs.
//
// Who may call. resume: whoever consumes, one at a time. yield, end: the body, on this stack. find: any thread, any signal handler.
//
// Memory. The record lies at the top of its own stack. Stacks come from one pool for the process, which is never destroyed, since
// generators outlive runtimes; whichever watchdog is awake trims it.
namespace weft::detail {

class second_stack {
public:
    // Throws stack_unavailable. The first resume calls core's body.
    static second_stack& make(generator_core& core, std::size_t usable_bytes);
    static void give_back(second_stack& unused) noexcept;

    // The generator's stack that holds this address, or whose guard does (address < low); an empty slot: none.
    static stack_slot find(const void* address) noexcept;
    static void trim() noexcept;

    // To the body, until it yields or ends.
    void resume() noexcept;
    // To the consumer, until it resumes.
    void yield() noexcept;
    [[noreturn]] void end() noexcept;

    bool is_running_here() const noexcept;

private:
    second_stack(generator_core& core, stack_slot slot, const sanitizer_fiber& sanitizer) noexcept
        : core_(core),
          slot_(slot),
          sanitizer_(sanitizer) {}
    static void main(void* transfer);
    void change_sides(context& from, context to, bool from_ends) noexcept;

    generator_core& core_;
    const stack_slot slot_;
    context body_ = nullptr;                          // while the consumer runs
    context consumer_ = nullptr;                      // while the body runs
    exception_state::saved exceptions_{};             // of whichever does not run
    [[no_unique_address]] sanitizer_fiber sanitizer_; // the same
};

} // namespace weft::detail
