// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/cancel.hpp>
#include <weft/detail/countdown.hpp>
#include <weft/detail/deadline.hpp>
#include <weft/fiber.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace weft {

class wait_group;

namespace detail {

// What wait_group::go starts: calls the function, destroys it, and only then counts down.
template <class Function>
class counted_call {
public:
    template <class F>
    counted_call(wait_group& group, F&& function) : count_(&group),
                                                    function_(std::forward<F>(function)) {}
    void operator()() && noexcept;

private:
    struct count_down {
        void operator()(wait_group* group) const;
    };
    std::unique_ptr<wait_group, count_down> count_;
    Function function_;
};

// As for an exception that left the calling fiber, which nobody can join: to options::on_unhandled, or the end of the program.
[[gnu::visibility("default")]] void report_unhandled_here() noexcept;

} // namespace detail

// Waits for a number of things to end. Count each with add before it begins and with done when it has ended; wait returns once the
// counter is zero. May be used again after all calls of wait have returned. To be destroyed while nobody waits for it.
// Thread-safe. Happens before: a done, and the return of every wait that it lets go.
class [[gnu::visibility("default")]] wait_group {
public:
    constexpr wait_group() noexcept = default;
    wait_group(const wait_group&) = delete;
    wait_group& operator=(const wait_group&) = delete;

    // Adds to the counter; n may be negative. Never blocks. Throws std::logic_error, which names the counter's value, if it would
    // become negative, and if it is zero while somebody is inside wait: the things to wait for are counted before that begins, and
    // it is used again only after that has returned. Then the counter is as it was.
    void add(std::ptrdiff_t n = 1);
    void done() { add(-1); }

    // Waits until the counter is zero. Blocks the calling fiber or thread. A cancellation point.
    void wait() { wait_before(clock::time_point::max()); }
    // As wait, but gives up at the deadline: false.
    template <class Rep, class Period>
    bool wait_for(const std::chrono::duration<Rep, Period>& duration) {
        return wait_before(deadline_after(duration));
    }
    template <class Clock, class Duration>
    bool wait_until(const std::chrono::time_point<Clock, Duration>& deadline) {
        return wait_before(detail::deadline_at(deadline));
    }

    // Calls f() in a fiber of its own, counted from now until f has ended and been destroyed. f must not throw: what leaves it is
    // an unhandled exception of that fiber, and if options::on_unhandled takes it, the counter goes down afterwards. Throws what
    // weft::go throws, and then nothing is counted. Never blocks.
    template <class F>
    void go(F&& f, source_location where = source_location::current()) {
        go(fiber_options(), std::forward<F>(f), where);
    }
    template <class F>
    void go(const fiber_options& options, F&& f, source_location where = source_location::current()) {
        add(1);
        // From here on the call counts down, whatever becomes of it.
        static_cast<void>(
            weft::go(options, detail::counted_call<std::decay_t<F>>(*this, std::forward<F>(f)), where));
    }

private:
    bool wait_before(clock::time_point deadline);

    detail::countdown count_{0};
    std::atomic<std::size_t> inside_wait_{0};
};

template <class Function>
void detail::counted_call<Function>::count_down::operator()(wait_group* group) const {
    group->done();
}

template <class Function>
void detail::counted_call<Function>::operator()() && noexcept {
    try {
        std::invoke(std::move(function_));
    } catch (const cancelled&) { // an end like any other
    } catch (...) {
        report_unhandled_here();
    }
}

} // namespace weft
