// SPDX-License-Identifier: BSL-1.0
#include "debug/frame_chain.hpp"

#include <array>

#include <ucontext.h>

// The stack that is looked at has redzones, is written by its owner meanwhile, and all of that is meant.
#define WEFT_UNINSTRUMENTED __attribute__((noinline, no_sanitize("address", "thread", "undefined")))

namespace weft {
namespace {

void* next_word(void* at) noexcept {
    return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(at) + sizeof(void*));
}

// ARMv8.3 keeps a signature in the upper bits of a return address; elsewhere the instruction does nothing.
void* without_signature(void* address) noexcept {
#if defined(__aarch64__)
    asm("mov x30, %0\n\thint #7\n\tmov %0, x30" : "+r"(address) : : "x30");
#endif
    return address;
}

struct record_search {
    const stack_view& view;
    const code_map& code;

    void* return_address(void* record) const noexcept {
        return without_signature(view.word(next_word(record)));
    }

    bool plausible(void* record) const noexcept {
        if (!view.has_words(record, 2) || !code.follows_call(return_address(record))) return false;
        void* const caller = view.word(record);
        if (caller == nullptr) return true;
        return caller > record && view.has_words(caller, 2) &&
            (view.word(next_word(caller)) == nullptr || code.module_of(return_address(caller)) != 0);
    }

    // The record of the outermost function has no caller's; any zero below a return address looks the same,
    // so that it is believed only where no other is found.
    void* first_record_from(void* sp) const noexcept {
        void* outermost = nullptr;
        for (void* at = sp; view.has_words(at, 2); at = next_word(at)) {
            if (!plausible(at)) continue;
            if (view.word(at) != nullptr) return at;
            if (outermost == nullptr) outermost = at;
        }
        return outermost;
    }

    // The first and the last instruction of a function, and the one between `push %rbp` and the new %rbp.
    // Elsewhere than on x86-64 the return address is in a register by then, or already in its record.
    void* caller_without_record([[maybe_unused]] const registers& stopped) const noexcept {
#if defined(__x86_64__)
        const std::array<unsigned char, 4> at = code.bytes_at(stopped.pc);
        const bool push_or_return = at[0] == 0x55 || at[0] == 0xc3;
        const bool branch_target = at == std::array<unsigned char, 4>{0xf3, 0x0f, 0x1e, 0xfa}; // endbr64
        const bool pushed = at[0] == 0x48 && at[1] == 0x89 && at[2] == 0xe5;
        void* const where = pushed ? next_word(stopped.sp) : stopped.sp;
        if ((push_or_return || branch_target || pushed) && view.has_words(where, 1) &&
            code.follows_call(view.word(where)))
            return view.word(where);
#endif
        return nullptr;
    }

    void* first_caller_outside(unsigned module, void* sp, void* end) const noexcept {
        for (void* at = sp; at < end && view.has_words(at, 1); at = next_word(at)) {
            void* const candidate = without_signature(view.word(at));
            const unsigned its_module = code.module_of(candidate);
            if (its_module != 0 && its_module != module && code.follows_call(candidate)) return candidate;
        }
        return nullptr;
    }
};

} // namespace

WEFT_UNINSTRUMENTED void* stack_view::word(const void* at) const noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(at) + static_cast<std::uintptr_t>(shift);
    return *reinterpret_cast<void* const volatile*>(address);
}

registers registers_of([[maybe_unused]] const void* ucontext) noexcept {
    [[maybe_unused]] const auto pointer = [](auto value) {
        return reinterpret_cast<void*>(static_cast<std::uintptr_t>(value));
    };
    [[maybe_unused]] const mcontext_t& machine = static_cast<const ucontext_t*>(ucontext)->uc_mcontext;
#if defined(__linux__) && defined(__x86_64__)
    return {
        pointer(machine.gregs[REG_RIP]), pointer(machine.gregs[REG_RBP]), pointer(machine.gregs[REG_RSP])};
#elif defined(__linux__) && defined(__aarch64__)
    return {pointer(machine.pc), pointer(machine.regs[29]), pointer(machine.sp)};
#elif defined(__FreeBSD__) && defined(__x86_64__)
    return {pointer(machine.mc_rip), pointer(machine.mc_rbp), pointer(machine.mc_rsp)};
#else
    return {};
#endif
}

void* frame_chain::next() noexcept {
    if (!view_.has_words(record_, 2)) return nullptr;
    void* const caller = view_.word(record_);
    void* const return_address = without_signature(view_.word(next_word(record_)));
    record_ = caller > record_ ? caller : nullptr;
    return return_address;
}

chain_start find_chain(const registers& stopped, const stack_view& view, const code_map& code) noexcept {
    const record_search search{view, code};
    void* const sp = view.has_words(stopped.sp, 1) ? stopped.sp : const_cast<std::byte*>(view.low);
    const bool has_record = stopped.fp >= sp && search.plausible(stopped.fp);
    void* const record = has_record ? stopped.fp : search.first_record_from(sp);
    if (record == nullptr) return {};
    const unsigned module = code.module_of(stopped.pc);
    void* caller = search.caller_without_record(stopped);
    if (caller == nullptr && module != 0 && !code.keeps_frame_pointers(module) &&
        module != code.module_of(search.return_address(record)))
        caller = search.first_caller_outside(module, sp, record);
    return {caller, record};
}

stack_trace trace_stopped(const registers& stopped, const stack_view& view, const code_map& code) noexcept {
    stack_trace trace;
    if (stopped.pc == nullptr) return trace;
    trace.add(stopped.pc);
    if (!view.has_words(stopped.sp, 1)) return trace;
    const chain_start start = find_chain(stopped, view, code);
    if (start.caller != nullptr) trace.add(start.caller);
    frame_chain chain(view, start.fp);
    while (void* const caller = trace.size < stack_trace::capacity ? chain.next() : nullptr)
        trace.add(caller);
    return trace;
}

} // namespace weft
