// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cancel/scope_stack.hpp"
#include "fiber/context_switch.hpp"
#include "fiber/exception_state.hpp"
#include "fiber/sanitizer_fiber.hpp"
#include "fiber/stack_pool.hpp"

#include <weft/detail/task.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <new>

// A fiber's control block: everything about it but its stack. It lies in the fiber_registry, not on the
// stack, so that a fiber which has not begun, or has ended and waits to be joined, needs no touched stack
// page; it is never freed, only used again, so that late wakers and the dump may look at it at any time.
//
// Who owns what. The worker that runs the fiber: context, stack, exception, locals. Whoever holds the lock:
// joiners. Any thread: the atomics. The rest is written before the fiber is published and constant until its
// last reference is gone.
//
// life: references:16 | flags. One reference is the fiber's own until it has ended, one its handle's, one
// each of a dump that looks at it. Who drops the last one gives the block back.
//     ended     set together with the drop of the fiber's own reference [F1]
//     detached  set with the drop of the handle's
//     awaited   somebody may be in `joiners`: the end must look there
// [F1] The end releases, join and detach acquire: result and exception. An exception nobody will take is
// reported by the end if it finds `detached`, else by the detach that finds `ended`: both are
// read-modify-writes of one word, so exactly one of them finds the other's flag.
// [F3] No dump takes a reference once `ended` is set, so whoever then finds its own to be the only one drops it without a
// read-modify-write; the acquiring load sees what those did who dropped theirs before.
namespace weft {

struct local_values;

enum class fiber_phase : std::uint8_t { unstarted, runnable, running, parked };

struct alignas(64) fiber_control : cancellable {
    enum : std::uint32_t { ended = 1, detached = 2, awaited = 4, one_reference = 1U << 8 };

    fiber_control() noexcept : cancellable(nullptr) {}
    using waiter::commit_saved;

    scheduler& home() const noexcept { return *home_.load(std::memory_order_relaxed); }
    void set_home(scheduler& home) noexcept { home_.store(&home, std::memory_order_relaxed); }
    bool begun() const noexcept { return where_it_stands != nullptr; }
    bool has_ended() const noexcept { return (life.load(std::memory_order_acquire) & ended) != 0; } // [F1]

    // What every switch touches
    context where_it_stands = nullptr; // nullptr: not begun
    fiber_control* next = nullptr;     // in whatever queue holds it
    stack_slot stack;
    exception_state::saved exceptions{};   // while it does not run: those it has in flight
    std::atomic<std::uint32_t> life{0};    // 0: free
    std::atomic<std::uint32_t> resumed{0}; // counts, so a dump can tell whether what it read was of one piece
    std::atomic<fiber_phase> phase{
        fiber_phase::unstarted}; // [F2] released; a dump that acquires it sees stack and context
    bool failed = false;         // an exception left it
    bool result_present = false;

    // What begin, end and wait touch
    const detail::task_operations* operations = nullptr;
    void* payload = nullptr;
    std::align_val_t payload_alignment{};
    spin_lock lock;
    wait_queue joiners;
    local_values* locals = nullptr;
    scope_stack scopes{*this};
    std::atomic<std::int64_t> parked_since{0}; // scheduler's coarse clock
    std::exception_ptr exception;

    // Who it is
    std::uint64_t id = 0;
    char* name = nullptr;
    source_location where{};
    const void* spawned_from = nullptr;
    [[no_unique_address]] sanitizer_fiber sanitizer;

    static constexpr std::size_t inline_payload = 64;
    alignas(16) std::byte inline_memory[inline_payload];
};

} // namespace weft
