// SPDX-License-Identifier: BSL-1.0
#include "fiber/context_switch.hpp"

#if !WEFT_NATIVE_SWITCH

#include <cstdint>
#include <new>

#include <boost/context/detail/fcontext.hpp>

// A `context` of this switch points to a record of ours: at the top of a fresh stack, in the frame of
// switch_context afterwards. So nothing here depends on how Boost lays out what it saves, which differs
// between its releases.
namespace weft {

using boost::context::detail::fcontext_t;
using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

namespace {

// Boost keeps MXCSR and the x87 control word on x86, and FPCR on no AArch64.
#if defined(__aarch64__)
struct control_word {
    std::uint64_t fpcr = read();
    static std::uint64_t read() noexcept {
        std::uint64_t now;
        asm volatile("mrs %0, fpcr" : "=r"(now));
        return now;
    }
    void restore() const noexcept {
        if (read() != fpcr) asm volatile("msr fpcr, %0" ::"r"(fpcr));
    }
};
#else
struct control_word {
    void restore() const noexcept {}
};
#endif

struct suspended {
    fcontext_t at = nullptr;
    saved_frame frame = {};
    void (*entry)(void*) = nullptr;
    control_word control;
};

struct handover {
    suspended* source;
    suspended* destination;
    void* transfer;
    void (*then)(void*);
};

// The first thing on the destination's stack. `then` may free the source's stack, where the handover is.
void* arrive(transfer_t from) noexcept {
    const handover what = *static_cast<const handover*>(from.data);
    what.source->at = from.fctx;
    what.destination->control.restore();
    if (what.then) what.then(what.transfer);
    return what.transfer;
}

// noexcept: an exception that leaves entry ends the process here.
void start(transfer_t from) noexcept {
#if defined(__x86_64__)
    asm volatile(".cfi_undefined rip");
#elif defined(__aarch64__)
    asm volatile(".cfi_undefined x30");
#endif
    // Ends the chain of frame pointers: Boost leaves an address of its code in the register.
    *static_cast<void* volatile*>(__builtin_frame_address(0)) = nullptr;
    auto* entry = static_cast<const handover*>(from.data)->destination->entry;
    entry(arrive(from));
    __builtin_trap();
}

} // namespace

context make_context(void* stack_top, std::size_t size, void (*entry)(void*)) noexcept {
    const auto aligned = reinterpret_cast<std::uintptr_t>(stack_top) & ~std::uintptr_t{15};
    const auto below = (aligned - sizeof(suspended)) & ~std::uintptr_t{15};
    auto* fresh = new (reinterpret_cast<void*>(below)) suspended;
    const auto lost = reinterpret_cast<std::uintptr_t>(stack_top) - below;
    fresh->at = make_fcontext(fresh, size - lost, start);
    fresh->frame = {nullptr, reinterpret_cast<void*>(start), fresh};
    fresh->entry = entry;
    return fresh;
}

[[gnu::noinline]] void* switch_context(
    context& from, context to, void* transfer, void (*then)(void*)) noexcept {
    void** frame = static_cast<void**>(__builtin_frame_address(0));
    suspended self;
    self.frame = {frame[0], __builtin_return_address(0), frame + 2};
    auto* destination = static_cast<suspended*>(to);
    handover what{&self, destination, transfer, then};
    from = &self;
    return arrive(jump_fcontext(destination->at, &what));
}

// Not instrumented: a dump reads here while the context may go on, and then throws away what it has read.
__attribute__((no_sanitize("address", "thread", "undefined"))) saved_frame frame_of(context record) noexcept {
    const saved_frame& frame = static_cast<const suspended*>(record)->frame;
    return {frame.fp, frame.pc, frame.sp};
}

} // namespace weft

#endif
