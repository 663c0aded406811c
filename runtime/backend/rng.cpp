// SPDX-License-Identifier: BSL-1.0
#include <weft/backend/clock.hpp>
#include <weft/backend/rng.hpp>

#include <sys/random.h>
#include <unistd.h>

namespace weft {

std::uint64_t rng::root_seed() noexcept {
    std::uint64_t seed = 0;
#ifdef GRND_NONBLOCK
    const bool got = ::getrandom(&seed, sizeof seed, GRND_NONBLOCK) == sizeof seed;
#else
    const bool got = ::getentropy(&seed, sizeof seed) == 0;
#endif
    if (!got) seed = static_cast<std::uint64_t>(clock::now().time_since_epoch().count());
    return seed;
}

} // namespace weft
