// SPDX-License-Identifier: BSL-1.0
#include "resilience/number_text.hpp"

#include <weft/detail/is_cancellation.hpp>
#include <weft/resilience/retry.hpp>
#include <weft/waiting/source.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace weft::detail {
namespace {

void check_duration(const char* name, clock::duration value) {
    if (value < clock::duration::zero())
        throw std::invalid_argument(
            std::string("retry: ") + name + " is negative: " + std::to_string(value.count()) + " ns");
}

} // namespace

void check_policy(const policy& how) {
    if (how.attempts == 0) throw std::invalid_argument("retry: attempts is 0; there must be at least one");
    check_duration("base", how.base);
    check_duration("max", how.max);
    if (!(how.factor >= 1))
        throw std::invalid_argument("retry: factor is less than 1: " + text_of(how.factor));
}

bool worth_another(const policy& how, const std::exception_ptr& failure) {
    return how.retry_if ? how.retry_if(failure) : !is_cancellation(failure);
}

clock::duration back_off(const policy& how, std::size_t failures) noexcept {
    if (failures <= 1 || how.base == clock::duration::zero()) return std::min(how.base, how.max);
    const double delay =
        static_cast<double>(how.base.count()) * std::pow(how.factor, static_cast<double>(failures - 1));
    if (delay >= static_cast<double>(how.max.count())) return how.max;
    return clock::duration(static_cast<clock::rep>(delay));
}

clock::duration spread(clock::duration delay, std::uint64_t random) noexcept {
    const double fraction = std::ldexp(static_cast<double>(random >> 11), -53); // less than 1
    const double spread_out = (static_cast<double>(delay.count()) + 1) * fraction;
    return std::min(delay, clock::duration(static_cast<clock::rep>(spread_out)));
}

void pause_after(const policy& how, std::size_t failures) {
    const clock::duration delay = back_off(how, failures);
    sleep(how.jitter == jitter::full ? spread(delay, draw_for_select()) : delay);
}

} // namespace weft::detail
