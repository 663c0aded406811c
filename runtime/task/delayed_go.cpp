// SPDX-License-Identifier: BSL-1.0
#include "fiber/fiber_control.hpp"
#include "scheduler/scheduler.hpp"
#include "task/task.hpp"

#include <weft/delayed_go.hpp>

#include <mutex>
#include <utility>

namespace weft {

delayed_go::delayed_go(std::function<void()> f, const source_location& where)
    : function_(std::move(f)),
      where_(where) {}

bool delayed_go::start(clock::time_point when) {
    fiber_control* fresh = &detail::prepare<void>(
        nullptr, {.where = where_}, [self = shared_from_this()] { self->function_(); });
    fiber_control* old = nullptr;
    {
        const std::lock_guard one_at_a_time(arming_); // [G1]
        if (disarm()) old = fiber_;
        fiber_ = fresh;
        arm(when);
    }
    drop(old);
    return old != nullptr;
}

bool delayed_go::stop() noexcept {
    fiber_control* old = nullptr;
    {
        const std::lock_guard one_at_a_time(arming_); // [G1]
        if (disarm()) old = std::exchange(fiber_, nullptr);
    }
    drop(old);
    return old != nullptr;
}

void delayed_go::drop(fiber_control* unstarted) noexcept {
    if (unstarted != nullptr) detail::discard_unstarted(*unstarted);
}

clock::time_point delayed_go::fire(clock::time_point, clock::time_point, ready_list& batch) noexcept {
    fiber_control& fiber = *std::exchange(fiber_, nullptr);
    fiber.life.store(fiber_control::one_reference | fiber_control::detached, std::memory_order_release);
    scheduler& home = fiber.home();
    if (home.shutting_down()) fiber.scopes.request(reason_of_shutdown());
    home.spawned_from_outside.fetch_add(1, std::memory_order_release);
    batch.push(fiber);
    return clock::time_point::max();
}

fiber_control* delayed_go::forgotten() noexcept { return std::exchange(fiber_, nullptr); }

} // namespace weft
