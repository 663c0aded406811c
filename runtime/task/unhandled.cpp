// SPDX-License-Identifier: BSL-1.0
#include "task/unhandled.hpp"

#include "debug/dump.hpp"
#include "fiber/fiber_control.hpp"
#include "scheduler/process.hpp"
#include "scheduler/scheduler.hpp"
#include "scheduler/worker.hpp"

#include <exception>
#include <iostream>
#include <utility>

namespace weft {

fiber_info info_of(const fiber_control& fiber) {
    return {fiber_id(fiber.id), fiber.name == nullptr ? "" : fiber.name, fiber.where,
        debug::place_of_spawn(fiber)};
}

void report_unhandled(fiber_control& fiber) noexcept {
    const std::exception_ptr exception = std::exchange(fiber.exception, nullptr);
    fiber.failed = false;
    const auto handler = process::instance().unhandled_handler_of(fiber);
    if (handler) {
        handler(info_of(fiber), exception);
        return;
    }
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& error) {
        std::cerr << "weft: unhandled exception in " << debug::describe(fiber) << ": " << error.what()
                  << std::endl;
        std::terminate();
    } catch (...) {
        std::cerr << "weft: unhandled exception in " << debug::describe(fiber) << ", not a std::exception"
                  << std::endl;
        std::terminate();
    }
}

void report_lost(const std::exception_ptr& exception, const char* what) noexcept {
    const worker* here = worker::current();
    const fiber_control* fiber = here == nullptr ? nullptr : here->running();
    const auto handler = fiber == nullptr ? nullptr : process::instance().unhandled_handler_of(*fiber);
    if (handler) {
        handler(info_of(*fiber), exception);
        return;
    }
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& error) {
        std::cerr << "weft: an exception of " << what << ": " << error.what() << std::endl;
    } catch (...) {
        std::cerr << "weft: an exception of " << what << ", not a std::exception" << std::endl;
    }
}

} // namespace weft
