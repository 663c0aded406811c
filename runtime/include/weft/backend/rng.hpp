// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace weft {

// The random seam: a stream of its own for each component, all from one root. SplitMix64 (Steele, Lea, Flood 2014).
// Not thread-safe.
class [[gnu::visibility("default")]] rng {
public:
    explicit constexpr rng(std::uint64_t seed) noexcept : state_(seed) {}
    std::uint64_t next() noexcept {
        std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15U;
        mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
        mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
        return mixed ^ mixed >> 31;
    }
    // Uniform in [0, bound), but for a bias of at most bound / 2^32.
    std::uint32_t below(std::uint32_t bound) noexcept {
        return static_cast<std::uint32_t>((next() >> 32) * std::uint64_t{bound} >> 32);
    }
    static std::uint64_t root_seed() noexcept; // from the kernel

private:
    std::uint64_t state_;
};

} // namespace weft
