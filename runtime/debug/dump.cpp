// SPDX-License-Identifier: BSL-1.0
#include "debug/dump.hpp"

#include "debug/thread_capture.hpp"
#include "fiber/fiber_registry.hpp"
#include "generator/second_stack.hpp"
#include "scheduler/scheduler.hpp"

#include <weft/debug.hpp>

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <vector>

// How a fiber is looked at while it may run on: `resumed` is read before and after. A fiber that was not
// resumed between did not touch its stack below the saved context, so the trace is of one piece; otherwise it
// is taken again, a few times.
namespace weft::debug {
namespace {

constexpr int attempts = 3;
constexpr auto patience = std::chrono::milliseconds(20);

worker* worker_that_runs(const fiber_control& fiber) noexcept {
    for (const auto& each : fiber.home().workers_in_use())
        if (each->running_approx() == &fiber) return each.get();
    return nullptr;
}

struct sight {
    const char* state = "ended";
    const wait_reason* reason = nullptr;
    std::int64_t since = 0;
    stack_trace trace{};
};

sight look_at(fiber_control& fiber) {
    sight seen;
    for (int i = 0; i < attempts; ++i) {
        if (fiber.has_ended()) return {};
        const std::uint32_t before = fiber.resumed.load(std::memory_order_acquire);
        const fiber_phase phase = fiber.phase.load(std::memory_order_acquire);
        seen = {};
        switch (phase) {
        case fiber_phase::unstarted: seen.state = "not begun"; return seen;
        case fiber_phase::running:
            seen.state = "running";
            if (worker* on = worker_that_runs(fiber)) {
                if (on == worker::current()) {
                    auto* here = static_cast<std::byte*>(__builtin_frame_address(0));
                    seen.trace = walk_frames(__builtin_return_address(0), *reinterpret_cast<void**>(here),
                        fiber.stack.low, fiber.stack.top());
                } else {
                    seen.trace = trace_of_running(*on, fiber);
                }
            }
            return seen;
        case fiber_phase::parked:
            seen.reason = fiber.reason();
            seen.since = fiber.parked_since.load(std::memory_order_relaxed);
            [[fallthrough]];
        case fiber_phase::runnable: {
            seen.state = phase == fiber_phase::parked ? "parked" : "runnable";
            const saved_frame frame = frame_of(fiber.where_it_stands);
            const stack_slot of_generator = detail::second_stack::find(frame.sp);
            const stack_slot stack = of_generator ? of_generator : fiber.stack;
            seen.trace = walk_frames(frame.pc, frame.fp, stack.low, stack.top());
            break;
        }
        }
        if (fiber.resumed.load(std::memory_order_acquire) == before) return seen;
    }
    return seen;
}

void print_age(std::ostream& out, std::chrono::nanoseconds age) {
    const double seconds = std::chrono::duration<double>(std::max(age, std::chrono::nanoseconds(0))).count();
    out << std::fixed << std::setprecision(3) << seconds << " s" << std::defaultfloat << std::setprecision(6);
}

} // namespace

std::string place_of_spawn(const fiber_control& fiber) {
    if (fiber.where.line() != 0)
        return std::string(fiber.where.file_name()) + ":" + std::to_string(fiber.where.line());
    return fiber.spawned_from == nullptr ? std::string("an unknown place") : symbol_name(fiber.spawned_from);
}

std::string describe(const fiber_control& fiber) {
    std::string text = "fiber " + std::to_string(fiber.id);
    if (fiber.name != nullptr) text.append(" '").append(fiber.name).append("'");
    return text + " (spawned at " + place_of_spawn(fiber) + ")";
}

// A thread that sleeps in a system call is looked at without a signal, which would cut that call short.
stack_trace trace_of_running(worker& on, const fiber_control& fiber) noexcept {
    const std::byte* low = fiber.stack.low;
    const std::byte* high = fiber.stack.top();
    const int thread = on.thread_id();
    if (const char state = thread_run_state(thread); state == 'S' || state == 'D')
        return peek_blocked_thread(thread, low, high).value_or(stack_trace{});
    return capture_thread(thread, low, high, patience).value_or(stack_trace{});
}

void dump(std::ostream& out) {
    std::vector<fiber_control*> fibers;
    fiber_registry::instance().for_each([&](fiber_control& fiber) {
        if (!fiber.has_ended() && fiber_registry::pin(fiber)) fibers.push_back(&fiber);
    });
    std::sort(fibers.begin(), fibers.end(), [](const auto* a, const auto* b) { return a->id < b->id; });
    out << fibers.size() << (fibers.size() == 1 ? " fiber\n" : " fibers\n");
    const std::int64_t now = clock::now().time_since_epoch().count();
    for (fiber_control* fiber : fibers) {
        const sight seen = look_at(*fiber);
        out << "\n" << describe(*fiber) << ": " << seen.state;
        if (seen.reason != nullptr) {
            out << ", waits for " << seen.reason->name << " since ";
            print_age(out, std::chrono::nanoseconds(now - seen.since));
        }
        out << "\n";
        print(out, seen.trace);
        fiber_registry::unpin(*fiber);
    }
}

} // namespace weft::debug
