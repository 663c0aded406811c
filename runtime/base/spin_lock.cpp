// SPDX-License-Identifier: BSL-1.0
#include <weft/waiting/spin_lock.hpp>

#include <algorithm>

namespace weft {

// Whoever finds it held looks again only after a microsecond or so: meanwhile the holder's core goes on with what it has in its
// cache, which is a dozen further sections, instead of losing the line after each. Measured with channels between two cores.
constexpr int pauses_between_looks = 30;
constexpr int looks = 8;
constexpr std::int64_t first_nap_ns = 20'000;
constexpr std::int64_t longest_nap_ns = 1'000'000;

void spin_lock::lock_slow() noexcept {
    for (std::int64_t nap = first_nap_ns;; nap = std::min(2 * nap, longest_nap_ns)) {
        for (int i = 0; i < looks; ++i) {
            for (int j = 0; j < pauses_between_looks; ++j) sys::pause();
            if (try_lock()) return;
        }
        sys::nap(nap);
    }
}

} // namespace weft
