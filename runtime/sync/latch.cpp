// SPDX-License-Identifier: BSL-1.0
#include <weft/sync/latch.hpp>

#include <stdexcept>
#include <string>

namespace weft {
namespace {

constexpr wait_reason reason{"a latch"};

} // namespace

latch::latch(std::ptrdiff_t expected) : count_(expected) {
    if (expected < 0)
        throw std::invalid_argument(
            "weft::latch: the expected count is negative: " + std::to_string(expected));
}

void latch::count_down(std::ptrdiff_t n) {
    std::ptrdiff_t before = count_.value();
    if (n < 0 || count_.change(-n, before) != detail::countdown::change_result::done)
        throw std::logic_error("weft::latch: count_down(" + std::to_string(n) + ") with " +
            std::to_string(before) + " left to count");
}

bool latch::wait_before(clock::time_point deadline) const { return count_.wait(reason, deadline); }

} // namespace weft
