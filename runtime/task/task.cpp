// SPDX-License-Identifier: BSL-1.0
#include "task/task.hpp"

#include "fiber/fiber_registry.hpp"
#include "scheduler/scheduler.hpp"
#include "scheduler/worker.hpp"
#include "task/locals.hpp"
#include "task/unhandled.hpp"

#include <weft/cancel.hpp>
#include <weft/waiting/park.hpp>

#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

namespace weft {
namespace {

constexpr wait_reason joining{"the end of a fiber"};

worker* worker_of(const scheduler& home) noexcept {
    worker* here = worker::current();
    return here != nullptr && &here->home() == &home ? here : nullptr;
}

fiber_control& take_control_block(worker* here) {
    return here != nullptr ? here->control_blocks().take() : *fiber_registry::instance().take(1).first;
}

void give_back_control_block(fiber_control& fiber) noexcept {
    fiber.life.store(0, std::memory_order_release);
    if (worker* here = worker::current())
        here->control_blocks().give_back(fiber);
    else
        fiber_registry::instance().give_back({&fiber, 1}, fiber);
}

void free_payload(fiber_control& fiber) noexcept {
    if (fiber.payload != fiber.inline_memory) ::operator delete(fiber.payload, fiber.payload_alignment);
}

} // namespace

namespace detail {

fiber_control& new_fiber(scheduler* wanted, const spawn_request& request) {
    scheduler& home = wanted != nullptr ? *wanted : scheduler::current_or_default();
    if (home.workers_stop.load(std::memory_order_relaxed))
        throw std::logic_error("weft::go: the runtime has been shut down");
    worker* here = worker_of(home);

    const auto give_back = [](fiber_control* block) noexcept { give_back_control_block(*block); };
    std::unique_ptr<fiber_control, decltype(give_back)> block(&take_control_block(here), give_back);
    fiber_control& fiber = *block;

    std::unique_ptr<char[]> name;
    if (!request.name.empty()) {
        name = std::make_unique<char[]>(request.name.size() + 1);
        std::memcpy(name.get(), request.name.data(), request.name.size());
    }
    const std::align_val_t alignment{request.payload_alignment};
    const bool fits =
        request.payload_size <= fiber_control::inline_payload && request.payload_alignment <= 16;
    const auto free = [alignment](void* memory) noexcept { ::operator delete(memory, alignment); };
    std::unique_ptr<void, decltype(free)> memory(
        fits ? nullptr : ::operator new(request.payload_size, alignment), free);

    const bool own_size = request.stack_size != 0;
    fiber.stack = own_size ? home.stacks.take(request.stack_size)
        : here != nullptr  ? here->stacks().take()
                           : home.stacks.take(0);

    fiber.set_home(home);
    fiber.where_it_stands = nullptr;
    fiber.exceptions = {};
    fiber.phase.store(fiber_phase::unstarted, std::memory_order_relaxed);
    fiber.scopes.reset();
    fiber.failed = false;
    fiber.result_present = false;
    fiber.operations = request.operations;
    fiber.payload = fits ? fiber.inline_memory : memory.release();
    fiber.payload_alignment = alignment;
    fiber.id = here != nullptr ? here->next_fiber_id() : scheduler::reserve_ids(1);
    fiber.name = name.release();
    fiber.where = request.where;
    fiber.spawned_from = request.return_address;
    return *block.release();
}

void* payload_of(fiber_control& fiber) noexcept { return fiber.payload; }
void result_taken(fiber_control& fiber) noexcept { fiber.result_present = false; }

void discard(fiber_control& fiber) noexcept {
    fiber.home().stacks.give_back(fiber.stack);
    free_payload(fiber);
    delete[] fiber.name;
    give_back_control_block(fiber);
}

void discard_unstarted(fiber_control& fiber) noexcept {
    fiber.operations->drop_function(fiber.payload);
    discard(fiber);
}

void start(fiber_control& fiber) noexcept {
    scheduler& home = fiber.home();
    fiber.life.store(2 * fiber_control::one_reference, std::memory_order_release);
    if (home.shutting_down()) fiber.scopes.request(reason_of_shutdown());
    if (worker* here = worker_of(home)) {
        here->count_spawned();
        here->run_fresh(fiber);
    } else {
        home.spawned_from_outside.fetch_add(1, std::memory_order_release);
        home.shared.inject(fiber);
        home.notify();
    }
}

void join(fiber_control& fiber) {
    const worker* here = worker::current();
    if (here != nullptr && here->running() == &fiber)
        throw std::system_error(
            std::make_error_code(std::errc::resource_deadlock_would_occur), "weft: a fiber joins itself");
    cancellation_point();
    if (fiber.has_ended()) return;

    waiter& me = this_waiter();
    wait_node node(me, 0);
    {
        const std::lock_guard guard(fiber.lock);
        if ((fiber.life.fetch_or(fiber_control::awaited, std::memory_order_acq_rel) & fiber_control::ended) !=
            0)
            return; // [F1]
        node.epoch = me.arm(joining);
        fiber.joiners.push(node);
    }
    if (park() != wake_cause::cancelled) return;
    {
        const std::lock_guard guard(fiber.lock);
        fiber.joiners.withdraw(node);
    }
    throw_cancelled();
}

void rethrow_failure(fiber_control& fiber) {
    if (fiber.exception != nullptr) std::rethrow_exception(std::exchange(fiber.exception, nullptr));
}

void release(fiber_control& fiber) noexcept { drop_reference(fiber); }

void detach(fiber_control& fiber) noexcept {
    std::uint32_t life = fiber.life.load(std::memory_order_acquire);
    do {
        if ((life & fiber_control::ended) != 0) { // [F1]
            if (fiber.failed) report_unhandled(fiber);
            drop_reference(fiber);
            return;
        }
    } while (!fiber.life.compare_exchange_weak(life,
        (life | fiber_control::detached) - fiber_control::one_reference, std::memory_order_acq_rel,
        std::memory_order_acquire));
}

void cancel(fiber_control& fiber) noexcept {
    static const cancel_reason why("the fiber was cancelled");
    fiber.scopes.request(why);
}

fiber_id id_of(const fiber_control& fiber) noexcept { return fiber_id(fiber.id); }

void throw_not_joinable(const char* operation) {
    throw std::logic_error(std::string("weft::fiber::") + operation +
        ": the handle is not joinable (empty, moved from, joined or detached before)");
}

} // namespace detail

const cancel_reason& reason_of_shutdown() {
    static const cancel_reason why("the runtime shuts down");
    return why;
}

void drop_reference(fiber_control& fiber) noexcept {
    const std::uint32_t life = fiber.life.load(std::memory_order_acquire);
    const bool alone = (life & fiber_control::ended) != 0 && life / fiber_control::one_reference == 1; // [F3]
    if (!alone &&
        fiber.life.fetch_sub(fiber_control::one_reference, std::memory_order_acq_rel) /
                fiber_control::one_reference !=
            1)
        return;
    if (fiber.result_present && fiber.operations->drop_result != nullptr)
        fiber.operations->drop_result(fiber.payload);
    fiber.exception = nullptr;
    free_payload(fiber);
    delete[] std::exchange(fiber.name, nullptr);
    give_back_control_block(fiber);
}

void run_task(fiber_control& fiber) noexcept {
    try {
        fiber.operations->run(fiber.payload);
        fiber.result_present = true;
    } catch (const cancelled&) {
        fiber.exception = std::current_exception();
    } catch (...) {
        fiber.exception = std::current_exception();
        fiber.failed = true;
    }
    while (fiber.locals != nullptr) destroy_locals(std::exchange(fiber.locals, nullptr));
    fiber.scopes.release_all();
}

void end_fiber(worker& on, fiber_control& fiber) noexcept {
    scheduler& home = on.home();
    std::uint32_t life = fiber.life.load(std::memory_order_acquire);
    for (;;) {
        if ((life & fiber_control::detached) != 0 && fiber.failed) report_unhandled(fiber); // [F1]
        if ((life & fiber_control::awaited) != 0) break;
        if (life / fiber_control::one_reference == 1) {
            drop_reference(fiber);
            on.count_ended();
            home.fiber_ended();
            return;
        }
        if (fiber.life.compare_exchange_weak(life,
                (life | fiber_control::ended) - fiber_control::one_reference, std::memory_order_acq_rel,
                std::memory_order_acquire)) {
            on.count_ended();
            home.fiber_ended();
            return;
        }
    }
    // The fiber's own reference is dropped last: a joiner that runs at once and drops the handle's must not free the lock.
    {
        const std::lock_guard guard(fiber.lock);
        fiber.life.fetch_or(fiber_control::ended, std::memory_order_acq_rel); // [F1]
        while (waiter* who = fiber.joiners.claim_front()) who->wake();
    }
    drop_reference(fiber);
    on.count_ended();
    home.fiber_ended();
}

} // namespace weft
