// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "debug/code_module.hpp"
#include "debug/stack_trace.hpp"

#include <cstddef>
#include <cstdint>

// Following frame pointers. A frame record is two words, {record of the caller, return address}, at the
// address that the frame pointer has while the function runs. Everything here is async-signal-safe and reads
// stacks that others write meanwhile: what was read may be nonsense, but nothing outside the view is touched,
// and every chain ends, as it only ever goes up.
namespace weft {

// A stretch of stack that may be read, either where it lies or in a copy that is `shift` bytes further on.
struct stack_view {
    const std::byte* low;
    const std::byte* high;
    std::ptrdiff_t shift = 0;

    bool has_words(const void* at, std::size_t count) const noexcept {
        const auto address = reinterpret_cast<std::uintptr_t>(at);
        const auto end = reinterpret_cast<std::uintptr_t>(high);
        return address % sizeof(void*) == 0 && address >= reinterpret_cast<std::uintptr_t>(low) &&
            address < end && (end - address) / sizeof(void*) >= count;
    }
    void* word(const void* at) const noexcept;
};

// Of a thread that a signal has stopped. All null on a processor that this file does not know.
struct registers {
    void* pc = nullptr;
    void* fp = nullptr;
    void* sp = nullptr;
};
registers registers_of(const void* ucontext) noexcept;

class frame_chain {
public:
    frame_chain(const stack_view& view, void* fp) noexcept : view_(view), record_(fp) {}

    // The next caller's return address; null after the entry of the stack.
    void* next() noexcept;

private:
    stack_view view_;
    void* record_;
};

// Where the exact chain of a thread begins that was stopped anywhere. Its frame pointer may be of little use:
// - In code that keeps none, as libc's, the chain is picked up at the first pair of words above sp that can
//   only be a frame record. The function that called out to such code has its return address below its own
//   record: it is taken to be the first one above sp that belongs to another module than the pc.
// - At the very beginning or end of a function it still, or again, is the caller's; the chain begins with the
//   caller's caller.
struct chain_start {
    void* caller = nullptr; // the return address that the chain leaves out, if any
    void* fp = nullptr;     // null: no chain was found
};
// fp null: not known. sp outside the view: the search begins at the view's low end.
chain_start find_chain(const registers& stopped, const stack_view&, const code_map&) noexcept;

// The pc alone if sp is outside the view.
stack_trace trace_stopped(const registers&, const stack_view&, const code_map&) noexcept;

} // namespace weft
