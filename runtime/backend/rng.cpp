// SPDX-License-Identifier: BSL-1.0
#include <weft/backend/clock.hpp>
#include <weft/backend/rng.hpp>

#include <sys/random.h>

namespace weft {

std::uint64_t rng::root_seed() noexcept {
    std::uint64_t seed = 0;
    if (::getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
        seed = static_cast<std::uint64_t>(clock::now().time_since_epoch().count());
    return seed;
}

} // namespace weft
