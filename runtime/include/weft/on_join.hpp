// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/fiber.hpp>
#include <weft/waiting/source.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace weft {

namespace detail {

// The end of a fiber, waited for.
class [[gnu::visibility("default")]] join_source : public source {
public:
    explicit join_source(fiber_control* of); // nullptr: throws std::logic_error, the handle is not joinable

    bool may_be_ready() const noexcept override;
    bool take() override;
    void enqueue() noexcept override;
    void withdraw() noexcept override;

protected:
    ~join_source() = default;

private:
    explicit join_source(fiber_control& of) noexcept;

    fiber_control& of_;
    wait_node node_;
};

template <class Fiber, class Handler>
class join_case final : public join_source {
public:
    using result = std::invoke_result_t<Handler&, Fiber&>;

    join_case(Fiber& of, Handler handler)
        : join_source(control_of(of)),
          fiber_(of),
          handler_(std::move(handler)) {}
    result run() { return std::invoke(handler_, fiber_); }

private:
    Fiber& fiber_;
    Handler handler_;
};

} // namespace detail

// A case of a select. handler(fiber<R>&): the fiber has ended and is still to be joined, which gives its result without
// waiting. What the fiber did happens before. Throws std::logic_error if the handle is not joinable.
template <class R, class Handler>
auto on_join(fiber<R>& of, Handler handler) {
    return detail::join_case<fiber<R>, Handler>(of, std::move(handler));
}

} // namespace weft
