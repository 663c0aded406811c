// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/oneshot_state.hpp>

#include <stdexcept>

namespace weft::detail {
namespace {

constexpr wait_reason receiving{"the value of a oneshot"};

} // namespace

bool oneshot_ends::may_send() const {
    if (sent_) throw std::logic_error("weft::oneshot_sender::send: it has sent its value already");
    return !receiver_gone_;
}

void oneshot_ends::sent(claimed_list& woken) noexcept {
    sent_ = true;
    decide(woken);
}

void oneshot_ends::sender_left() noexcept {
    claimed_list woken;
    const std::lock_guard held(lock_);
    if (!sent_) decide(woken);
}

void oneshot_ends::decide(claimed_list& woken) noexcept {
    decided_.store(true, std::memory_order_release); // [O1]
    woken.claim_all(waiting_);
}

bool oneshot_ends::wait(clock::time_point deadline) {
    return wait_until(deadline, receiving, [&](claimed_list&) { return decided(); });
}

void oneshot_ends::receiver_left() noexcept {
    const std::lock_guard held(lock_);
    receiver_gone_ = true;
}

} // namespace weft::detail
