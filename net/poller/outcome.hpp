// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/error.hpp>

#include <system_error>

#include <errno.h>

// What an operation on a descriptor came to, in one long: what the system call returned, -errno, or one of
// these.
namespace weft::net::outcome {

inline constexpr long done = 0;
inline constexpr long closed = -EBADF;
inline constexpr long closed_meanwhile = -ECANCELED;

// net::errc lies below the range of errno.
inline constexpr long errc_base = -0x10000;
constexpr long of(errc code) noexcept { return errc_base - static_cast<long>(code); }

inline std::error_code to_error_code(long outcome) noexcept {
    if (outcome >= 0) return {};
    if (outcome > errc_base) return {static_cast<int>(-outcome), std::system_category()};
    return static_cast<errc>(errc_base - outcome);
}

} // namespace weft::net::outcome
