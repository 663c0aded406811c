// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/watch_state.hpp>

namespace weft::detail {
namespace {

constexpr wait_reason watching{"a new value of a watch"};

} // namespace

void watch_state::send(counted_ref<shared_value> value, void* from) {
    claimed_list woken;
    const std::lock_guard held(lock_);
    if (closed()) throw channel_closed("send (of a watch)");
    value->load(from);
    std::swap(newest_, value); // the old one goes with the parameter, after the lock
    version_.store(version() + 1, std::memory_order_relaxed);
    woken.claim_all(waiting_);
}

counted_ref<shared_value> watch_state::newest(std::uint64_t& seen) noexcept {
    const std::lock_guard held(lock_);
    seen = version();
    return newest_;
}

channel_status watch_state::see_now(std::uint64_t& seen) const noexcept {
    if (version() == seen) return closed() ? channel_status::closed : channel_status::empty;
    seen = version();
    return channel_status::ok;
}

channel_status watch_state::see(std::uint64_t& seen) noexcept {
    const std::lock_guard held(lock_);
    return see_now(seen);
}

channel_status watch_state::wait_for_news(std::uint64_t& seen, clock::time_point deadline) {
    channel_status status = channel_status::empty;
    const bool ready = wait_until(deadline, watching, [&](claimed_list&) {
        status = see_now(seen);
        return status != channel_status::empty;
    });
    return ready ? status : channel_status::timeout;
}

} // namespace weft::detail
