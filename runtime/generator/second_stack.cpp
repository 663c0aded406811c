// SPDX-License-Identifier: BSL-1.0
#include "generator/second_stack.hpp"

#include "base/thread_state.hpp"
#include "fiber/stack_pool.hpp"
#include "scheduler/worker.hpp"

#include <atomic>
#include <new>
#include <utility>

namespace weft::detail {
namespace {

std::atomic<stack_pool*> made{nullptr}; // for those who must not make it

stack_pool& pool() {
    static stack_pool& all = []() -> stack_pool& {
        auto* fresh = new stack_pool(stack_pool::config{});
        made.store(fresh, std::memory_order_release);
        return *fresh;
    }();
    return all;
}

// Of the stack that this is called on.
[[maybe_unused]] sanitizer_fiber& sanitizer_here() noexcept {
    thread_state& thread = this_thread_state();
    if (thread.current_worker != nullptr && thread.current_worker->running() != nullptr)
        return thread.current_worker->running()->sanitizer;
    if (!std::exchange(thread.sanitizer_knows, true)) thread.sanitizer.adopt_thread();
    return thread.sanitizer;
}

[[maybe_unused]] void arrive(void*) noexcept { sanitizer_fiber::after_switch(sanitizer_here()); }

constexpr bool sanitized = sanitized_address || sanitized_thread;
constexpr std::size_t record_size = (sizeof(second_stack) + 63) / 64 * 64;

} // namespace

second_stack& second_stack::make(generator_core& core, std::size_t usable_bytes) {
    stack_slot slot = pool().take(usable_bytes);
    slot.used = true;
    sanitizer_fiber sanitizer;
    sanitizer.create(slot.low, slot.size());
    std::byte* const at = slot.top() - record_size;
    auto* made_there = new (at) second_stack(core, slot, sanitizer);
    made_there->body_ = make_context(at, static_cast<std::size_t>(at - slot.low), &main);
    return *made_there;
}

void second_stack::give_back(second_stack& unused) noexcept {
    const stack_slot slot = unused.slot_;
    unused.sanitizer_.destroy();
    pool().give_back(slot);
}

stack_slot second_stack::find(const void* address) noexcept {
    const stack_pool* all = made.load(std::memory_order_acquire);
    return all == nullptr ? stack_slot{} : all->find(address);
}

void second_stack::trim() noexcept {
    if (stack_pool* all = made.load(std::memory_order_acquire)) all->trim();
}

bool second_stack::is_running_here() const noexcept {
    const auto* here = static_cast<const std::byte*>(__builtin_frame_address(0));
    return slot_.low <= here && here < slot_.top();
}

void second_stack::main(void* transfer) {
    auto& self = *static_cast<second_stack*>(transfer);
    self.core_.run_to_end();
    self.end();
}

void second_stack::resume() noexcept { change_sides(consumer_, body_, false); }
void second_stack::yield() noexcept { change_sides(body_, consumer_, false); }

// Both ways go through here, so that the return to here is the one that the processor predicts. Nothing throws or catches between
// the exchange and the switch.
[[gnu::noinline]] void second_stack::change_sides(context& from, context to, bool from_ends) noexcept {
    exception_state exceptions;
    exceptions.attach();
    exceptions.put(std::exchange(exceptions_, exceptions.take()));
    if constexpr (sanitized) {
        sanitizer_fiber& running = sanitizer_here();
        std::swap(running, sanitizer_);
        sanitizer_fiber::before_switch(sanitizer_, running, from_ends);
    }
    switch_context(from, to, this, sanitized ? &arrive : nullptr);
}

void second_stack::end() noexcept {
    change_sides(body_, consumer_, true);
    __builtin_unreachable();
}

} // namespace weft::detail
