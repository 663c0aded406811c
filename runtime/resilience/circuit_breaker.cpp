// SPDX-License-Identifier: BSL-1.0
#include <weft/detail/is_cancellation.hpp>
#include <weft/resilience/circuit_breaker.hpp>

#include <mutex>
#include <string>

namespace weft {
namespace {

std::string refusal(clock::duration left) {
    if (left == clock::duration::zero())
        return "circuit_breaker: half open, and as many calls as it lets through are under way";
    return "circuit_breaker: open for another " +
        std::to_string(std::chrono::ceil<std::chrono::milliseconds>(left).count()) + " ms";
}

} // namespace

circuit_open::circuit_open(clock::duration left) : std::runtime_error(refusal(left)), left_(left) {}

circuit_breaker::circuit_breaker(circuit_breaker_options options)
    : counts_as_failure_(std::move(options.counts_as_failure)),
      circuit_(options.failures, options.open_for, options.probes) {
    if (options.failures == 0)
        throw std::invalid_argument("circuit_breaker: failures is 0; there must be at least one");
    if (options.probes == 0)
        throw std::invalid_argument("circuit_breaker: probes is 0; there must be at least one");
    if (options.open_for < clock::duration::zero())
        throw std::invalid_argument(
            "circuit_breaker: open_for is negative: " + std::to_string(options.open_for.count()) + " ns");
}

circuit_state circuit_breaker::state() const noexcept {
    const std::lock_guard guard(lock_);
    return circuit_.state(clock::now());
}

circuit_counts circuit_breaker::counts() const noexcept {
    const std::lock_guard guard(lock_);
    return circuit_.counts();
}

void circuit_breaker::reset() noexcept {
    const std::lock_guard guard(lock_);
    circuit_.reset();
}

circuit_breaker::admission::admission(circuit_breaker& breaker) : breaker_(breaker) {
    std::optional<detail::circuit::era> era;
    clock::duration left{};
    {
        const std::lock_guard guard(breaker.lock_);
        const clock::time_point now = clock::now();
        era = breaker.circuit_.admit(now);
        left = breaker.circuit_.left(now);
    }
    if (!era) throw circuit_open(left);
    era_ = *era;
}

circuit_breaker::admission::~admission() {
    const std::lock_guard guard(breaker_.lock_);
    switch (end_) {
    case end::succeeded: breaker_.circuit_.succeeded(era_); break;
    case end::failed: breaker_.circuit_.failed(era_, clock::now()); break;
    case end::abandoned: breaker_.circuit_.abandoned(era_); break;
    }
}

void circuit_breaker::admission::ended_by(const std::exception_ptr& failure) {
    end_ = end::abandoned; // also if the user's function throws
    if (detail::is_cancellation(failure)) return;
    const auto& counts = breaker_.counts_as_failure_;
    end_ = !counts || counts(failure) ? end::failed : end::succeeded;
}

} // namespace weft
