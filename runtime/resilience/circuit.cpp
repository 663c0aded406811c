// SPDX-License-Identifier: BSL-1.0
#include <weft/resilience/circuit_breaker.hpp>

namespace weft::detail {

std::optional<circuit::era> circuit::admit(clock::time_point now) noexcept {
    const circuit_state present = state(now);
    if (present != state_) enter(present);
    if (present == circuit_state::open || (present == circuit_state::half_open && out_ == probes_)) {
        ++counts_.rejected;
        return std::nullopt;
    }
    if (present == circuit_state::half_open) ++out_;
    return era_;
}

void circuit::succeeded(era of) noexcept {
    ++counts_.successes;
    if (of != era_) return;
    counts_.consecutive_failures = 0;
    if (state_ != circuit_state::half_open) return;
    --out_;
    if (++succeeded_ == probes_) enter(circuit_state::closed);
}

void circuit::failed(era of, clock::time_point now) noexcept {
    ++counts_.failures;
    if (of != era_) return;
    ++counts_.consecutive_failures;
    if (state_ == circuit_state::closed && counts_.consecutive_failures < failures_) return;
    enter(circuit_state::open);
    opened_at_ = now;
    ++counts_.opened;
}

void circuit::abandoned(era of) noexcept {
    if (of == era_ && state_ == circuit_state::half_open) --out_;
}

void circuit::reset() noexcept {
    enter(circuit_state::closed);
    counts_.consecutive_failures = 0;
}

circuit_state circuit::state(clock::time_point now) const noexcept {
    return state_ == circuit_state::open && left(now) == clock::duration::zero() ? circuit_state::half_open
                                                                                 : state_;
}

clock::duration circuit::left(clock::time_point now) const noexcept {
    if (state_ != circuit_state::open) return clock::duration::zero();
    const clock::duration passed = now - opened_at_;
    return passed < open_for_ ? open_for_ - passed : clock::duration::zero();
}

void circuit::enter(circuit_state state) noexcept {
    state_ = state;
    ++era_;
    out_ = 0;
    succeeded_ = 0;
}

} // namespace weft::detail
