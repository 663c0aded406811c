// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

// Leaving one stack and continuing on another. Two implementations of this one contract: own assembly
// (context_switch_native.cpp, where WEFT_NATIVE_SWITCH is 1) and Boost.Context (context_switch_boost.cpp).
//
// A context is continued once, by any thread; each switch away makes a new one. It is handed to other threads
// by `then`: before that, the switch still stands on the stack that it leaves, and nobody else may continue
// it.
//
// Kept: what the ABI calls callee-saved, which includes the floating-point control word (rounding, traps,
// flush to zero); the floating-point status flags are not. Not kept either: exceptions in flight
// (exception_state.hpp), the sanitizers' idea of the stack (sanitizer_fiber.hpp), and addresses of
// thread_local variables, errno's among them, which compilers hold across a switch (base/thread_state.hpp).
namespace weft {

// A suspended execution. nullptr: none.
using context = void*;

// The first switch to the result calls entry(transfer) on the stack that ends at stack_top, with the
// floating-point control word of whoever made it. entry never returns; an exception that leaves it ends the
// process. Backtraces end at its caller.
context make_context(void* stack_top, std::size_t size, void (*entry)(void* transfer)) noexcept;

// Stores the caller's execution in `from` and continues `to`. Returns when somebody switches back, with what
// they passed.
//
// then(transfer), if there is one, runs on the destination's stack when `from` is complete and before the
// destination goes on: it may unlock, publish or free what the source left, its stack included. It must
// neither throw nor switch.
//
// Call it as the last thing in a function, where that can be had: a caller that does something afterwards
// makes its own return, which the processor predicts to go where the source's would have gone, 12 ns when the
// two were called from different places. A tail call leaves one return, and that one is a jump where the
// addresses differ.
void* switch_context(context& from, context to, void* transfer,
    void (*then)(void* transfer) = nullptr) noexcept asm("weft_switch_context");

// Where a suspended context goes on: for the dumper, which follows frame pointers or call frame information
// from here.
struct saved_frame {
    void* fp; // nullptr at the outermost frame
    void* pc; // a return address: its call is at pc - 1
    void* sp;
};
saved_frame frame_of(context suspended) noexcept;

} // namespace weft
