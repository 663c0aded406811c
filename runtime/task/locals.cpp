// SPDX-License-Identifier: BSL-1.0
#include "task/locals.hpp"

#include "base/thread_state.hpp"
#include "fiber/fiber_control.hpp"
#include "scheduler/worker.hpp"

#include <weft/local.hpp>

#include <new>

namespace weft {
namespace {

local_values*& values_of_this() noexcept {
    worker* here = worker::current();
    if (here != nullptr && here->running() != nullptr) return here->running()->locals;
    return this_thread_state().locals;
}

} // namespace

void destroy_locals(local_values* newest) noexcept {
    while (newest != nullptr) {
        local_values* older = newest->older;
        newest->deleter(newest->value);
        delete newest;
        newest = older;
    }
}

namespace detail {

void* find_local(const void* key) noexcept {
    for (const local_values* each = values_of_this(); each != nullptr; each = each->older)
        if (each->key == key) return each->value;
    return nullptr;
}

void add_local(const void* key, void* value, local_deleter deleter) {
    auto* made = new (std::nothrow) local_values{key, value, deleter, nullptr};
    if (made == nullptr) {
        deleter(value);
        throw std::bad_alloc();
    }
    local_values*& values = values_of_this();
    made->older = values;
    values = made;
    if (!worker::current()) release_state_at_thread_exit();
}

} // namespace detail
} // namespace weft
