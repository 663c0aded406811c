// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <new>

namespace weft {

// Thrown by go() when there is no stack for a new fiber; nothing has been started then. what() names the
// limit that was hit and its value, for example "no fiber stack of 256 KiB: RLIMIT_AS is 1073741824 bytes
// (ulimit -v), ...".
class [[gnu::visibility("default")]] stack_unavailable : public std::bad_alloc {
public:
    explicit stack_unavailable(const char* words) noexcept; // copied; cut off after 239 characters
    const char* what() const noexcept override;

private:
    char words_[240];
};

} // namespace weft
