// SPDX-License-Identifier: BSL-1.0
#include <weft/waiting/spin_lock.hpp>

#include <algorithm>

namespace weft {

// The spin covers the longest section guarded by such a lock several times over; the numbers were not tuned.
constexpr int spins = 100;
constexpr std::int64_t first_nap_ns = 20'000;
constexpr std::int64_t longest_nap_ns = 1'000'000;

void spin_lock::lock_slow() noexcept {
    for (std::int64_t nap = first_nap_ns;; nap = std::min(2 * nap, longest_nap_ns)) {
        for (int i = 0; i < spins; ++i) {
            if (try_lock()) return;
            sys::pause();
        }
        sys::nap(nap);
    }
}

} // namespace weft
