// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/waiting/poller.hpp>

#include <cstdint>

// What travels through the kernel with a descriptor and comes back with its events: 64 bits, the address of the target (48
// bits; user space has no more on x86-64 and AArch64 unless asked for) and the low 16 bits of the generation. Targets are
// type-stable, so the address of a stale event can be followed; the generation tells that it is stale. Generations come
// round after 65536 lives of one target, all of which would have to pass between the kernel's filling of the array and our
// walk through it.
namespace weft::net::event_tag {

inline constexpr int generation_bits = 16;
inline constexpr std::uint32_t generation_mask = (1U << generation_bits) - 1;

// What has no target: the poller's own event.
inline constexpr std::uint64_t none = 0;

inline std::uint64_t pack(const poll_target& target, std::uint32_t generation) noexcept {
    return std::uint64_t{reinterpret_cast<std::uintptr_t>(&target)} << generation_bits |
        (generation & generation_mask);
}
inline poll_target* target_of(std::uint64_t tag) noexcept {
    return reinterpret_cast<poll_target*>(static_cast<std::uintptr_t>(tag >> generation_bits));
}
inline std::uint32_t generation_of(std::uint64_t tag) noexcept {
    return static_cast<std::uint32_t>(tag & generation_mask);
}

} // namespace weft::net::event_tag
