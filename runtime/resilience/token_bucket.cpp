// SPDX-License-Identifier: BSL-1.0
#include "resilience/number_text.hpp"

#include <weft/resilience/rate_limiter.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace weft::detail {
namespace {

constexpr double longest_fill = 0x1p61; // nanoseconds: 73 years, far from where sums overflow

} // namespace

token_bucket::token_bucket(double rate, std::size_t burst, clock::time_point now)
    : interval_(1e9 / rate),
      burst_(burst),
      full_at_(now) {
    if (!(rate > 0) || !std::isfinite(rate))
        throw std::invalid_argument("rate_limiter: rate is " + text_of(rate) + "; it must be above 0");
    if (burst == 0) throw std::invalid_argument("rate_limiter: burst is 0; there must be at least one");
    if (!(interval_ * static_cast<double>(burst) <= longest_fill))
        throw std::invalid_argument("rate_limiter: a rate of " + text_of(rate) +
            " takes too long to fill a burst of " + std::to_string(burst));
}

clock::time_point token_bucket::ready_at(std::size_t n) const noexcept {
    const double before_full = interval_ * static_cast<double>(burst_ - n);
    return full_at_ + clock::duration(static_cast<clock::rep>(std::ceil(part_ - before_full)));
}

bool token_bucket::take(std::size_t n, clock::time_point now) noexcept {
    if (now < ready_at(n)) return false;
    if (now > full_at_) {
        full_at_ = now;
        part_ = 0;
    }
    const double cost = interval_ * static_cast<double>(n) + part_;
    const double whole = std::floor(cost);
    full_at_ += clock::duration(static_cast<clock::rep>(whole));
    part_ = cost - whole;
    return true;
}

} // namespace weft::detail
