// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/cancel_token.hpp>
#include <weft/detail/deadline.hpp>
#include <weft/detail/scope_frame.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>

namespace weft {

// While it lives, the blocking calls of the fiber or thread that made it throw `cancelled` as soon as one of its tokens fires or
// cancel() is called: the one that is waiting then, and each further one, ready or not. Nothing is half done: a cancelled receive
// took no value. Scopes nest; each counts while it lives, and the outermost that has fired gives the reason. Destroyed in the
// opposite order of construction, by the same fiber or thread: anything else ends the program with a message.
//
// Not cut short: mutex::lock, calls made while an exception unwinds the fiber, unless the scope was opened by these (a destructor may
// use with_timeout), weft's own destructors, and what shield() runs.
class [[gnu::visibility("default")]] cancel_scope {
public:
    template <std::convertible_to<cancel_token>... Tokens>
    explicit cancel_scope(const Tokens&... tokens) : cancel_scope(clock::time_point::max(), tokens...) {}
    ~cancel_scope();
    cancel_scope(const cancel_scope&) = delete;
    cancel_scope& operator=(const cancel_scope&) = delete;

    // Any fiber or thread, while the scope lives. The first reason wins. Never blocks.
    void cancel(const cancel_reason& why = "cancelled") noexcept { frame_.cancel(why); }

private:
    friend class task_group;
    template <class... Tokens>
    explicit cancel_scope(clock::time_point deadline, const Tokens&... tokens)
        : frame_(detail::scope_kind::cancels, deadline, clock::duration::zero()) {
        if constexpr (sizeof...(Tokens) > inline_links) {
            more_ = std::make_unique<link[]>(sizeof...(Tokens));
            links_ = {more_.get(), sizeof...(Tokens)};
        }
        [[maybe_unused]] std::size_t place = 0;
        (listen(links_[place++], tokens), ...);
    }

    class link final : public detail::cancel_listener {
    public:
        void tell(detail::cancellation& run) noexcept override;
        counted_ref<detail::cancel_state> to;
        detail::scope_frame* frame = nullptr;
    };
    void listen(link& with, const cancel_token& token) noexcept;

    static constexpr std::size_t inline_links = 2;
    detail::scope_frame frame_;
    std::array<link, inline_links> few_;
    std::unique_ptr<link[]> more_;
    std::span<link> links_{few_};
};

// Calls f(), whose blocking calls throw timed_out once so much time has passed since the call, and gives its result. Of nested
// ones the earliest deadline counts. Whatever f gives or throws is passed on, also after the deadline. The clock is looked at by
// each blocking call; a deadline that has passed already lets none begin. Costs no memory and no timer but for calls that wait.
template <class Rep, class Period, std::invocable<> F>
decltype(auto) with_timeout(std::chrono::duration<Rep, Period> duration, F&& f) {
    const clock::duration allowed = to_clock_duration(duration);
    const detail::scope_frame scope(detail::scope_kind::cancels, deadline_after(allowed), allowed);
    return std::invoke(std::forward<F>(f));
}
// The same with an absolute time.
template <class Clock, class Duration, std::invocable<> F>
decltype(auto) with_deadline(const std::chrono::time_point<Clock, Duration>& deadline, F&& f) {
    const detail::scope_frame scope(
        detail::scope_kind::cancels, detail::deadline_at(deadline), clock::duration::zero());
    return std::invoke(std::forward<F>(f));
}

// Calls f() and gives its result; what cancels the caller does not reach the blocking calls inside: for clean-up that must be done.
// Scopes and timeouts that f opens itself do count, so clean-up can be given a deadline of its own.
template <std::invocable<> F>
decltype(auto) shield(F&& f) {
    const detail::scope_frame scope(detail::scope_kind::shields);
    return std::invoke(std::forward<F>(f));
}

} // namespace weft
