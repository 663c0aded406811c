// SPDX-License-Identifier: BSL-1.0
#include "base/thread_state.hpp"
#include "scheduler/worker.hpp"

#include <weft/waiting/source.hpp>

namespace weft {

std::uint64_t new_lock_rank() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

std::uint64_t draw_for_select() noexcept {
    thread_state& state = this_thread_state();
    return state.current_worker != nullptr ? state.current_worker->random().next() : state.random.next();
}

} // namespace weft
