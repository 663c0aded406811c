// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/cancelled.hpp>

#include <cstdint>

namespace weft {

class scope_stack;

namespace detail {

enum class scope_kind : std::uint8_t { cancels, shields };

// One scope of a fiber or thread, which lies on its stack; the innermost is opened last and closed first. Protocol:
// cancel/scope_stack.hpp.
class [[gnu::visibility("default")]] scope_frame {
public:
    explicit scope_frame(scope_kind kind) noexcept
        : scope_frame(kind, clock::time_point::max(), clock::duration::zero()) {}
    // `allowed` is for the message; zero: it names the deadline alone.
    scope_frame(scope_kind kind, clock::time_point deadline, clock::duration allowed) noexcept;
    ~scope_frame();
    scope_frame(const scope_frame&) = delete;
    scope_frame& operator=(const scope_frame&) = delete;

    // Any thread, while it lives. The first reason wins.
    void cancel(const cancel_reason& why) noexcept;

private:
    friend class weft::scope_stack;

    scope_stack& of_;
    scope_frame* outer_ = nullptr;
    std::uint32_t depth_ = 0;
    const scope_kind kind_;
    bool fired_ = false; // under the stack's lock
    cancel_reason why_;  // once fired
    const clock::time_point deadline_;
    const clock::duration allowed_;
    clock::time_point outer_deadline_; // these three: as they were outside
    std::uint32_t outer_visible_from_ = 0;
    unsigned outer_uncaught_ = 0;
};

} // namespace detail
} // namespace weft
