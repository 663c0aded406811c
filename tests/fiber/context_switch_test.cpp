// SPDX-License-Identifier: BSL-1.0
#include "fiber/context_switch.hpp"

#include "fiber/hopping_fiber.hpp"

#include <cfenv>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include <execinfo.h>
#include <sys/mman.h>
#if WEFT_SANITIZED_ADDRESS
#include <sanitizer/lsan_interface.h>
#endif
#include <gtest/gtest.h>

namespace {

void* number(std::uintptr_t value) { return reinterpret_cast<void*>(value); }

// Calls f(argument) with the callee-saved registers filled from seed; how many of them it changed.
extern "C" int weft_test_registers_changed(void (*f)(void*), void* argument, std::uint64_t seed);

#if defined(__x86_64__)
asm(R"(
    .text
    .globl weft_test_registers_changed
    .type weft_test_registers_changed, @function
weft_test_registers_changed:
    endbr64
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdx
    movq %rdi, %rax
    movq %rsi, %rdi
    leaq 1(%rdx), %rbx
    leaq 2(%rdx), %rbp
    leaq 3(%rdx), %r12
    leaq 4(%rdx), %r13
    leaq 5(%rdx), %r14
    leaq 6(%rdx), %r15
    call *%rax
    popq %rdx
    subq %rdx, %rbx
    subq %rdx, %rbp
    subq %rdx, %r12
    subq %rdx, %r13
    subq %rdx, %r14
    subq %rdx, %r15
    xorl %eax, %eax
    xorl %ecx, %ecx
    cmpq $1, %rbx
    setne %cl
    addl %ecx, %eax
    cmpq $2, %rbp
    setne %cl
    addl %ecx, %eax
    cmpq $3, %r12
    setne %cl
    addl %ecx, %eax
    cmpq $4, %r13
    setne %cl
    addl %ecx, %eax
    cmpq $5, %r14
    setne %cl
    addl %ecx, %eax
    cmpq $6, %r15
    setne %cl
    addl %ecx, %eax
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size weft_test_registers_changed, . - weft_test_registers_changed
)");
#elif defined(__aarch64__)
asm(R"(
    .macro weft_test_fill n
    add x\n, x2, #\n
    .endm
    .macro weft_test_check n
    sub x\n, x\n, x2
    cmp x\n, #\n
    cinc w0, w0, ne
    .endm
    .macro weft_test_fill_float n
    add x9, x2, #\n
    fmov d\n, x9
    .endm
    .macro weft_test_check_float n
    fmov x9, d\n
    sub x9, x9, x2
    cmp x9, #\n
    cinc w0, w0, ne
    .endm
    .text
    .globl weft_test_registers_changed
    .type weft_test_registers_changed, %function
weft_test_registers_changed:
    hint #34
    stp x29, x30, [sp, #-176]!
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    str x2, [sp, #160]
    mov x8, x0
    mov x0, x1
    .irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
    weft_test_fill \n
    .endr
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    weft_test_fill_float \n
    .endr
    blr x8
    ldr x2, [sp, #160]
    mov w0, wzr
    .irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
    weft_test_check \n
    .endr
    .irp n, 8, 9, 10, 11, 12, 13, 14, 15
    weft_test_check_float \n
    .endr
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    ldp x29, x30, [sp], #176
    ret
    .size weft_test_registers_changed, . - weft_test_registers_changed
)");
#endif

TEST(ContextSwitch, ValuesTravelBothWays) {
    std::vector<void*> received;
    hopping_fiber fiber([&](hopping_fiber& self) {
        for (std::uintptr_t i = 1; i <= 3; ++i) received.push_back(self.suspend(number(i * 10)));
    });
    EXPECT_EQ(fiber.resume(), number(10));
    EXPECT_EQ(fiber.resume(number(1)), number(20));
    EXPECT_EQ(fiber.resume_on_new_thread(number(2)), number(30));
    EXPECT_EQ(fiber.resume(number(3)), nullptr);
    EXPECT_TRUE(fiber.ended());
    EXPECT_EQ(received, (std::vector{number(1), number(2), number(3)}));
}

#if defined(__x86_64__) || defined(__aarch64__)
TEST(ContextSwitch, CalleeSavedRegistersSurvive) {
    int changed_inside = 0;
    int changed_outside = 0;
    hopping_fiber fiber([&](hopping_fiber& self) {
        for (std::uint64_t i = 0; i < 100; ++i)
            changed_inside += weft_test_registers_changed(
                [](void* fiber_pointer) { static_cast<hopping_fiber*>(fiber_pointer)->suspend(); }, &self,
                0x1111'0000'0000 + i);
    });
    for (std::uint64_t i = 0; i < 101; ++i)
        changed_outside += weft_test_registers_changed(
            [](void* fiber_pointer) { static_cast<hopping_fiber*>(fiber_pointer)->resume(); }, &fiber,
            0x2222'0000'0000 + i);
    EXPECT_TRUE(fiber.ended());
    EXPECT_EQ(changed_inside, 0);
    EXPECT_EQ(changed_outside, 0);
}
#endif

TEST(ContextSwitch, ManyFibersInterleave) {
    constexpr std::uintptr_t count = 50;
    constexpr std::uintptr_t rounds = 20;
    std::uintptr_t sum = 0;
    std::vector<std::unique_ptr<hopping_fiber>> fibers;
    for (std::uintptr_t n = 0; n < count; ++n)
        fibers.push_back(std::make_unique<hopping_fiber>([&sum, n](hopping_fiber& self) {
            double halves = 0;
            for (std::uintptr_t i = 0; i < rounds; ++i) {
                halves += 0.5 * static_cast<double>(n);
                self.suspend();
            }
            sum += static_cast<std::uintptr_t>(2 * halves);
        }));
    for (std::uintptr_t i = 0; i <= rounds; ++i)
        for (auto& fiber : fibers) fiber->resume();
    EXPECT_EQ(sum, rounds * count * (count - 1) / 2);
}

// --- `then`

// A thread's own stack and one more, with nothing in between.
struct two_sides {
    struct side {
        weft::context here = nullptr;
        weft::sanitizer_fiber sanitizer;
    };

    explicit two_sides(void (*entry)(void*)) {
        outside.sanitizer.adopt_thread();
        inside.sanitizer.create(stack, stack_size);
        inside.here = weft::make_context(stack + stack_size, stack_size, entry);
    }
    void* to_inside(void (*then)(void*)) {
        arriving = &inside;
        weft::sanitizer_fiber::before_switch(outside.sanitizer, inside.sanitizer, false);
        return weft::switch_context(outside.here, inside.here, this, then);
    }
    void to_outside(void (*then)(void*), bool for_good) {
        arriving = &outside;
        weft::sanitizer_fiber::before_switch(inside.sanitizer, outside.sanitizer, for_good);
        weft::switch_context(inside.here, outside.here, this, then);
    }
    // The first thing that each `then` does.
    static two_sides& arrive(void* transfer) {
        auto& all = *static_cast<two_sides*>(transfer);
        weft::sanitizer_fiber::after_switch(all.arriving->sanitizer);
        return all;
    }
    bool inside_holds(const void* at) const { return at >= stack && at < stack + stack_size; }

    static constexpr std::size_t stack_size = 64 * 1024;
    char* stack = static_cast<char*>(
        mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    side outside;
    side inside;
    side* arriving = nullptr;
    std::vector<int> order;
    bool then_was_inside = false;
    weft::context source_in_then = nullptr;
};

void free_stack(void* transfer) {
    two_sides& all = two_sides::arrive(transfer);
    all.inside.sanitizer.destroy();
    munmap(std::exchange(all.stack, nullptr), two_sides::stack_size);
}

TEST(ContextSwitch, ThenRunsOnTheDestinationsStackBeforeItGoesOn) {
    two_sides all([](void* transfer) {
        auto* self = static_cast<two_sides*>(transfer);
        self->order.push_back(3);
        self->to_outside([](void* t) { two_sides::arrive(t).order.push_back(4); }, false);
        self->order.push_back(7);
        self->to_outside(free_stack, true);
    });
    all.order.push_back(1);
    EXPECT_EQ(all.to_inside([](void* transfer) {
        two_sides& self = two_sides::arrive(transfer);
        self.then_was_inside = self.inside_holds(__builtin_frame_address(0));
        self.source_in_then = self.outside.here;
        self.order.push_back(2);
    }),
        &all);
    EXPECT_TRUE(all.then_was_inside);
    EXPECT_EQ(all.source_in_then, all.outside.here) << "the source is complete when then runs";
    all.order.push_back(5);
    EXPECT_EQ(all.to_inside([](void* transfer) { two_sides::arrive(transfer).order.push_back(6); }), &all);
    EXPECT_EQ(all.order, (std::vector{1, 2, 3, 4, 5, 6, 7}));
}

TEST(ContextSwitch, ThenMayFreeTheSourcesStack) {
    for (int i = 0; i < 3; ++i) {
        two_sides all(
            [](void* transfer) { static_cast<two_sides*>(transfer)->to_outside(free_stack, true); });
        EXPECT_EQ(all.to_inside([](void* transfer) { two_sides::arrive(transfer); }), &all);
        EXPECT_EQ(all.stack, nullptr);
    }
}

#if WEFT_SANITIZED_ADDRESS
TEST(ContextSwitch, WhatOnlyASuspendedContextPointsToIsNoLeak) {
    two_sides all([](void* transfer) {
        auto* self = static_cast<two_sides*>(transfer);
        // Not in a variable, which AddressSanitizer may keep elsewhere: see sanitizer_fiber.
        auto& held = *new (self->stack) std::vector<int>*(new std::vector<int>(1000));
        self->to_outside([](void* t) { two_sides::arrive(t); }, false);
        delete held;
        self->to_outside(free_stack, true);
    });
    const auto arrive = [](void* transfer) { two_sides::arrive(transfer); };
    all.to_inside(arrive);
    EXPECT_EQ(__lsan_do_recoverable_leak_check(), 0);
    all.to_inside(arrive);
}
#endif

// --- floating point

// Through a volatile, so that the compiler neither folds it nor moves it across the switch.
double third() {
    volatile double one = 1;
    volatile double three = 3;
    volatile double result = one / three;
    return result;
}

struct rounding_restored {
    int before = std::fegetround();
    ~rounding_restored() { std::fesetround(before); }
};

TEST(ContextSwitch, RoundingModeStaysWithItsFiber) {
    const rounding_restored at_end;
    const double to_nearest = third();
    double upward_before = 0;
    double upward_after = 0;
    hopping_fiber fiber([&](hopping_fiber& self) {
        std::fesetround(FE_UPWARD);
        upward_before = third();
        for (int i = 0; i < 3; ++i) self.suspend();
        upward_after = third();
        EXPECT_EQ(std::fegetround(), FE_UPWARD);
    });
    fiber.resume();
    EXPECT_EQ(std::fegetround(), FE_TONEAREST);
    EXPECT_EQ(third(), to_nearest);

    std::fesetround(FE_DOWNWARD);
    fiber.resume();
    EXPECT_EQ(std::fegetround(), FE_DOWNWARD);
    std::fesetround(FE_TONEAREST);
    fiber.resume_on_new_thread();
    fiber.resume();
    EXPECT_TRUE(fiber.ended());
    EXPECT_EQ(std::fegetround(), FE_TONEAREST);
    EXPECT_NE(upward_before, to_nearest);
    EXPECT_EQ(upward_after, upward_before);
}

TEST(ContextSwitch, FreshContextHasTheRoundingOfItsMaker) {
    const rounding_restored at_end;
    int inside = -1;
    std::fesetround(FE_TOWARDZERO);
    hopping_fiber fiber([&](hopping_fiber&) { inside = std::fegetround(); });
    std::fesetround(FE_TONEAREST);
    fiber.resume();
    EXPECT_EQ(inside, FE_TOWARDZERO);
    EXPECT_EQ(std::fegetround(), FE_TONEAREST);
}

#if defined(__x86_64__)
TEST(ContextSwitch, X87ControlWordStaysWithItsFiber) {
    const auto control = [] {
        std::uint16_t now = 0;
        asm volatile("fnstcw %0" : "=m"(now));
        return now;
    };
    const std::uint16_t before = control();
    const auto double_precision = static_cast<std::uint16_t>((before & ~0x300) | 0x200);
    hopping_fiber fiber([&](hopping_fiber& self) {
        asm volatile("fldcw %0" ::"m"(double_precision));
        self.suspend();
        EXPECT_EQ(control(), double_precision);
    });
    fiber.resume();
    EXPECT_EQ(control(), before);
    fiber.resume();
    EXPECT_EQ(control(), before);
}

TEST(ContextSwitch, FlushToZeroStaysWithItsFiber) {
    const auto control = [] { return __builtin_ia32_stmxcsr() & 0xffc0; };
    const unsigned before = control();
    hopping_fiber fiber([&](hopping_fiber& self) {
        __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
        self.suspend();
        EXPECT_EQ(control(), before | 0x8040);
    });
    fiber.resume();
    EXPECT_EQ(control(), before);
    fiber.resume();
    EXPECT_EQ(control(), before);
}
#endif

// --- backtraces

[[gnu::noinline]] int at_depth(int depth, const std::function<void()>& action) {
    if (depth <= 1) {
        action();
        return 1;
    }
    const int below = at_depth(depth - 1, action);
    asm volatile("");
    return below + 1;
}

struct frame_record {
    const frame_record* caller;
    const void* return_address;
};

int frames_up_to_the_end(const hopping_fiber& fiber) {
    const auto inside = [&](const void* at) { return at >= fiber.low() && at < fiber.top(); };
    const weft::saved_frame start = weft::frame_of(fiber.where());
    EXPECT_TRUE(inside(start.sp) || start.sp == fiber.top());
    EXPECT_NE(start.pc, nullptr);
    int count = 1;
    for (const auto* frame = static_cast<const frame_record*>(start.fp); frame != nullptr;
        frame = frame->caller, ++count) {
        if (!inside(frame) || count > 1000) {
            ADD_FAILURE() << "the chain leaves the stack after " << count << " frames";
            break;
        }
    }
    return count;
}

int suspended_depth(int depth) {
    hopping_fiber fiber([&](hopping_fiber& self) { at_depth(depth, [&] { self.suspend(); }); });
    fiber.resume();
    const int frames = frames_up_to_the_end(fiber);
    fiber.resume();
    return frames;
}

TEST(ContextSwitch, FrameChainOfASuspendedContextEndsAtItsEntry) {
    hopping_fiber fresh([](hopping_fiber&) {});
    EXPECT_EQ(frames_up_to_the_end(fresh), 1);
    fresh.resume();

    const int shallow = suspended_depth(1);
    EXPECT_GT(shallow, 1);
    EXPECT_EQ(suspended_depth(31), shallow + 30);
}

TEST(ContextSwitch, SuspendedDeepReturnsOnAnotherThread) {
    int depth = 0;
    hopping_fiber fiber([&](hopping_fiber& self) { depth = at_depth(300, [&] { self.suspend(); }); });
    fiber.resume();
    fiber.resume_on_new_thread();
    EXPECT_EQ(depth, 300);
}

TEST(ContextSwitch, FrameOfNamesTheCallOfTheSwitch) {
    hopping_fiber fiber([](hopping_fiber& self) { self.suspend(); });
    const void* fresh_pc = weft::frame_of(fiber.where()).pc;
    fiber.resume();
    const weft::saved_frame suspended = weft::frame_of(fiber.where());
    EXPECT_NE(suspended.pc, fresh_pc);
    EXPECT_GE(suspended.fp, suspended.sp) << "the caller's frame record is below where it called";
    fiber.resume();
}

int backtrace_length(int depth) {
    int length = 0;
    hopping_fiber fiber([&](hopping_fiber& self) {
        self.suspend();
        at_depth(depth, [&] {
            void* addresses[500];
            length = ::backtrace(addresses, 500);
        });
    });
    fiber.resume();
    fiber.resume();
    return length;
}

TEST(ContextSwitch, BacktraceEndsAtTheEntry) {
    const int shallow = backtrace_length(1);
    EXPECT_GT(shallow, 1);
    EXPECT_LT(shallow, 20);
    EXPECT_EQ(backtrace_length(201), shallow + 200);
}

TEST(ContextSwitchDeathTest, ExceptionThatLeavesTheEntryTerminates) {
    EXPECT_DEATH(
        {
            hopping_fiber fiber([](hopping_fiber&) { throw std::runtime_error("left the entry"); });
            fiber.resume();
        },
        "left the entry");
}

} // namespace
