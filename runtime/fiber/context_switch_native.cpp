// SPDX-License-Identifier: BSL-1.0
#include "fiber/context_switch.hpp"

#include <cstdint>
#include <new>

#if WEFT_NATIVE_SWITCH

namespace weft {

extern "C" [[gnu::visibility("hidden")]] const char weft_context_start[];

namespace {

// What a suspended stack ends with; `context` points to it. The assembly knows these offsets.
struct suspended {
#if defined(__x86_64__)
    std::uint32_t mxcsr = 0;
    std::uint16_t x87_control = 0;
    void (*entry)(void*) = nullptr; // r12
    void* r13_to_rbx[4] = {};
    void* fp = nullptr;
    const void* pc = nullptr;
#elif defined(__aarch64__)
    void* fp = nullptr;
    const void* pc = nullptr;
    void (*entry)(void*) = nullptr; // x19
    void* x20_to_x28[9] = {};
    double d8_to_d15[8] = {};
    std::uint64_t fpcr = 0;
    std::uint64_t unused = 0;
#else
#error "no native context switch for this processor: -Dcontext_switch=boost"
#endif
};

} // namespace

context make_context(void* stack_top, std::size_t, void (*entry)(void*)) noexcept {
    const auto aligned = reinterpret_cast<std::uintptr_t>(stack_top) & ~std::uintptr_t{15};
    auto* fresh = new (reinterpret_cast<void*>(aligned - sizeof(suspended))) suspended;
    fresh->entry = entry;
    fresh->pc = weft_context_start;
#if defined(__x86_64__)
    asm volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(fresh->mxcsr), "=m"(fresh->x87_control));
#else
    asm volatile("mrs %0, fpcr" : "=r"(fresh->fpcr));
#endif
    return fresh;
}

// Not instrumented: a dump reads here while the context may go on, and then throws away what it has read.
__attribute__((no_sanitize("address", "thread", "undefined"))) saved_frame frame_of(
    context stack_pointer) noexcept {
    auto* frame = static_cast<suspended*>(stack_pointer);
    return {frame->fp, const_cast<void*>(frame->pc), frame + 1};
}

} // namespace weft

// How both switches go, with the choices that measurement decided:
//
// - Return addresses: if the destination's is the source's too, `ret` is what the return stack predicts, and
//   the returns of the callers above stay predicted; if not, a jump is (the indirect predictor learns it),
//   where `ret` costs a misprediction. Always jumping leaves one call without its return behind, so that
//   every later return is mispredicted.
// - The control word is read and compared: to load it costs as much as half of the rest, and it hardly ever
//   differs. The comparison leaves out MXCSR's status bits, which change with each inexact result.
// - Frame information describes the stack that the stack pointer stands on at each instruction; the frame
//   pointer changes together with it. While `then` runs, a walk goes on with the destination's callers.
//
// A fresh context starts behind a nop of the same function, since unwinders look up a return address less
// one.

#if defined(__x86_64__)

#if defined(__CET__) && (__CET__ & 1)
#define WEFT_JUMP "notrack jmp" // a return address is no landing pad of indirect branch tracking
#else
#define WEFT_JUMP "jmp"
#endif

asm(R"(
    .text
    .p2align 5
    .globl weft_switch_context
    .hidden weft_switch_context
    .type weft_switch_context, @function
weft_switch_context:
    .cfi_startproc
    endbr64
    movq (%rsp), %r8
    stmxcsr -56(%rsp)
    fnstcw -52(%rsp)
    leaq -56(%rsp), %rsp
    .cfi_adjust_cfa_offset 56
    movq %r12, 8(%rsp)
    .cfi_rel_offset r12, 8
    movq %r13, 16(%rsp)
    .cfi_rel_offset r13, 16
    movq %r14, 24(%rsp)
    .cfi_rel_offset r14, 24
    movq %r15, 32(%rsp)
    .cfi_rel_offset r15, 32
    movq %rbx, 40(%rsp)
    .cfi_rel_offset rbx, 40
    movq %rbp, 48(%rsp)
    .cfi_rel_offset rbp, 48
    movl (%rsp), %r9d
    movzwl 4(%rsp), %r10d
    movq %rsp, (%rdi)
    xorl (%rsi), %r9d
    xorw 4(%rsi), %r10w
    andl $0xffc0, %r9d
    orl %r10d, %r9d
    jne 3f
1:
    movq 48(%rsi), %rbp
    movq %rsi, %rsp
    testq %rcx, %rcx
    je 2f
    movq %r8, %rbx
    movq %rdx, %r12
    movq %rdx, %rdi
    call *%rcx
    movq %rbx, %r8
    movq %r12, %rdx
2:
    movq 8(%rsp), %r12
    movq 16(%rsp), %r13
    movq 24(%rsp), %r14
    movq 32(%rsp), %r15
    movq 40(%rsp), %rbx
    movq %rdx, %rax
    .cfi_remember_state
    leaq 56(%rsp), %rsp
    .cfi_adjust_cfa_offset -56
    .cfi_same_value r12
    .cfi_same_value r13
    .cfi_same_value r14
    .cfi_same_value r15
    .cfi_same_value rbx
    .cfi_same_value rbp
    cmpq %r8, (%rsp)
    jne 4f
    ret
4:
    popq %rcx
    .cfi_adjust_cfa_offset -8
    .cfi_register rip, rcx
)" WEFT_JUMP R"( *%rcx
3:
    .cfi_restore_state
    ldmxcsr (%rsi)
    fldcw 4(%rsi)
    jmp 1b
    .cfi_endproc
    .size weft_switch_context, . - weft_switch_context

    .p2align 4
    .type weft_context_begin, @function
weft_context_begin:
    .cfi_startproc
    .cfi_undefined rip
    nop
    .globl weft_context_start
    .hidden weft_context_start
weft_context_start:
    endbr64
    movq %rax, %rdi
    call *%r12
    ud2
    .cfi_endproc
    .size weft_context_begin, . - weft_context_begin
)");

#else

#if defined(__ARM_FEATURE_BTI_DEFAULT)
#define WEFT_LANDING_CALL "hint #34" // bti c
#define WEFT_LEAVE "ret x17"         // a return address is no landing pad of branch target identification
#else
#define WEFT_LANDING_CALL "nop"
#define WEFT_LEAVE "br x17"
#endif

asm(R"(
    .text
    .p2align 5
    .globl weft_switch_context
    .hidden weft_switch_context
    .type weft_switch_context, %function
weft_switch_context:
    .cfi_startproc
    )" WEFT_LANDING_CALL R"(
    mrs x9, fpcr
    stp x29, x30, [sp, #-176]!
    .cfi_adjust_cfa_offset 176
    .cfi_rel_offset x29, 0
    .cfi_rel_offset x30, 8
    stp x19, x20, [sp, #16]
    .cfi_rel_offset x19, 16
    .cfi_rel_offset x20, 24
    stp x21, x22, [sp, #32]
    .cfi_rel_offset x21, 32
    .cfi_rel_offset x22, 40
    stp x23, x24, [sp, #48]
    .cfi_rel_offset x23, 48
    .cfi_rel_offset x24, 56
    stp x25, x26, [sp, #64]
    .cfi_rel_offset x25, 64
    .cfi_rel_offset x26, 72
    stp x27, x28, [sp, #80]
    .cfi_rel_offset x27, 80
    .cfi_rel_offset x28, 88
    stp d8, d9, [sp, #96]
    .cfi_rel_offset b8, 96
    .cfi_rel_offset b9, 104
    stp d10, d11, [sp, #112]
    .cfi_rel_offset b10, 112
    .cfi_rel_offset b11, 120
    stp d12, d13, [sp, #128]
    .cfi_rel_offset b12, 128
    .cfi_rel_offset b13, 136
    stp d14, d15, [sp, #144]
    .cfi_rel_offset b14, 144
    .cfi_rel_offset b15, 152
    str x9, [sp, #160]
    mov x10, sp
    str x10, [x0]
    ldr x11, [x1, #160]
    cmp x9, x11
    b.ne 3f
1:
    ldr x29, [x1]
    mov sp, x1
    cbz x3, 2f
    mov x19, x30
    mov x20, x2
    mov x0, x2
    blr x3
    mov x30, x19
    mov x2, x20
2:
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    mov x0, x2
    mov x16, x30
    ldr x17, [sp, #8]
    mov x30, x17
    .cfi_remember_state
    add sp, sp, #176
    .cfi_adjust_cfa_offset -176
    .cfi_same_value x19
    .cfi_same_value x20
    .cfi_same_value x21
    .cfi_same_value x22
    .cfi_same_value x23
    .cfi_same_value x24
    .cfi_same_value x25
    .cfi_same_value x26
    .cfi_same_value x27
    .cfi_same_value x28
    .cfi_same_value x29
    .cfi_same_value x30
    .cfi_same_value b8
    .cfi_same_value b9
    .cfi_same_value b10
    .cfi_same_value b11
    .cfi_same_value b12
    .cfi_same_value b13
    .cfi_same_value b14
    .cfi_same_value b15
    cmp x16, x17
    b.ne 4f
    ret
4:
    )" WEFT_LEAVE R"(
3:
    .cfi_restore_state
    msr fpcr, x11
    b 1b
    .cfi_endproc
    .size weft_switch_context, . - weft_switch_context

    .p2align 4
    .type weft_context_begin, %function
weft_context_begin:
    .cfi_startproc
    .cfi_undefined x30
    nop
    .globl weft_context_start
    .hidden weft_context_start
weft_context_start:
    blr x19
    brk #1
    .cfi_endproc
    .size weft_context_begin, . - weft_context_begin
)");

#endif
#endif
