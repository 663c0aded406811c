// SPDX-License-Identifier: BSL-1.0
#include <weft/resilience/pool.hpp>

#include <stdexcept>
#include <string>

namespace weft::detail {

void check_pool(std::size_t max, bool can_make, clock::duration idle_timeout) {
    if (max == 0) throw std::invalid_argument("pool: max is 0; there must be room for at least one");
    if (!can_make) throw std::invalid_argument("pool: make is empty");
    if (idle_timeout < clock::duration::zero())
        throw std::invalid_argument(
            "pool: idle_timeout is negative: " + std::to_string(idle_timeout.count()) + " ns");
}

void throw_no_lease() { throw std::logic_error("pool: discard of a lease that holds nothing"); }

} // namespace weft::detail
