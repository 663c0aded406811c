// SPDX-License-Identifier: BSL-1.0
#include "base/thread_state.hpp"
#include "debug/sigquit.hpp"
#include "scheduler/scheduler.hpp"
#include "scheduler/settings.hpp"

#include <weft/run.hpp>

#include <cstdlib>

namespace weft {

runtime::runtime(options with)
    : scheduler_(new scheduler(*this, settle(std::move(with))), [](scheduler* ended) { delete ended; }) {}

runtime::~runtime() = default;

runtime* runtime::current() noexcept {
    const scheduler* here = scheduler::current();
    return here == nullptr ? nullptr : &here->outside();
}

runtime::inside_run::inside_run(runtime& in) noexcept : in_(in) {
    if (this_fiber::in_fiber()) return;
    ++this_thread_state().runs_entered;
    if (in.scheduler_->settings().dump_on_sigquit) debug::install_sigquit_dump(in.scheduler_->observer());
}

runtime::inside_run::~inside_run() {
    if (this_fiber::in_fiber()) return;
    --this_thread_state().runs_entered;
    debug::remove_sigquit_dump(in_.scheduler_->observer());
}

scheduler& scheduler::current_or_default() {
    if (scheduler* here = current()) return *here;
    if (scheduler* served = this_thread_state().serves) return *served;
    // Shut down at exit, but never destroyed: threads and static objects may still hold its fibers.
    static runtime* const shared_by_threads = [] {
        static runtime* made = new runtime;
        std::atexit([] { made->scheduler_->shut_down(); });
        return made;
    }();
    return *shared_by_threads->scheduler_;
}

} // namespace weft
