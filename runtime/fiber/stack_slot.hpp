// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace weft {

// A stack, without owning it. In memory, from low to high addresses:
//
// | guard: no access | usable bytes, a power of two or more | one page more, 0 to 960 bytes of it colour |
//                      low                                                    top()
//
// The page more keeps the promise of the size, whatever colour and bookkeeping take from the top.
//
// Colour: all stacks end at the same offset in a page, so that without it all parked fibers compete for the
// same few sets of the first and second cache. Touching the top 12 lines of 32 to 512 stacks in turn: 20-25
// ns each without, 12-16 with (Xeon, 48 KiB of first-level cache); steps of 128 bytes won little more and
// took 2 KiB of the one page that a parked fiber touches.
struct stack_slot {
    static constexpr std::size_t unit = 4096;
    static constexpr std::size_t colours = 16;
    static constexpr std::size_t colour_step = 64;

    // Without a byte of padding, since g++ copies 15 bytes as two words that overlap: the copy of a copy then
    // waited 12 ns for the stores of the first.
    std::byte* low = nullptr;
    std::uint32_t units = 0; // from low to the end of the slot
    std::uint16_t colour = 0;
    std::uint8_t size_class = 0;
    bool used = false; // set by who runs on it; a free stack with it gives its pages back in time

    std::byte* top() const noexcept { return low + extent() - colour * colour_step; } // aligned to 64
    std::size_t size() const noexcept { return static_cast<std::size_t>(top() - low); }
    std::size_t extent() const noexcept { return units * unit; }
    explicit operator bool() const noexcept { return low != nullptr; }
};
static_assert(sizeof(stack_slot) == 16 && std::is_trivially_copyable_v<stack_slot>);

// Sizes are powers of two; a class is the exponent less 14.
struct stack_class {
    static constexpr unsigned smallest_exponent = 14;
    static constexpr std::size_t smallest = std::size_t{1} << smallest_exponent;
    static constexpr std::size_t largest = std::size_t{1} << 40;
    static constexpr std::size_t count = 27;

    std::size_t body;  // usable bytes promised
    std::size_t guard; // bytes
    std::size_t headroom;

    std::size_t stride() const noexcept { return guard + body + headroom; }

    // For 1 to `largest` bytes.
    static std::uint8_t index_of(std::size_t bytes) noexcept {
        return static_cast<std::uint8_t>(std::bit_width(std::max(bytes, smallest) - 1) - smallest_exponent);
    }
    // The guard grows with the size, since libraries that a fiber calls are rarely built with
    // -fstack-clash-protection and a frame of theirs could step over a single page. 16 KiB instead of 4 on a
    // stack of 256: 24 bytes of page table and 0.1 us when it is cut.
    static stack_class of(std::uint8_t index, std::size_t page) noexcept {
        const auto round_up = [page](std::size_t bytes) { return (bytes + page - 1) / page * page; };
        const std::size_t body = round_up(smallest << index);
        return {body, round_up(std::min<std::size_t>(body / 16, 64 << 10)), page};
    }
};

} // namespace weft
