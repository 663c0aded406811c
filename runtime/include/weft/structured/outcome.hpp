// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace weft {

// What came of a call: its result, or the exception that left it.
template <class R>
class outcome {
public:
    // `std::monostate` for void.
    using value_type = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

    // Calls f(), now.
    template <class F>
    static outcome of(F&& f) noexcept(std::is_nothrow_move_constructible_v<value_type>) {
        outcome made;
        try {
            made.store(std::forward<F>(f));
        } catch (...) {
            made.error_ = std::current_exception();
        }
        return made;
    }

    bool has_value() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }
    // Rethrows the exception if there is no result.
    value_type& value() & {
        rethrow_if_failed();
        return get();
    }
    const std::remove_reference_t<value_type>& value() const& {
        rethrow_if_failed();
        // NOLINTNEXTLINE(bugprone-unchecked-optional-access): or it was thrown
        return *value_;
    }
    value_type value() && {
        rethrow_if_failed();
        return static_cast<value_type&&>(get());
    }
    // Null if there is a result.
    std::exception_ptr error() const noexcept { return error_; }

private:
    using stored = std::conditional_t<std::is_reference_v<value_type>,
        std::reference_wrapper<std::remove_reference_t<value_type>>, value_type>;

    template <class F>
    void store(F&& f) {
        if constexpr (std::is_void_v<R>) {
            std::invoke(std::forward<F>(f));
            value_.emplace();
        } else if constexpr (std::is_rvalue_reference_v<R>) {
            auto&& result = std::invoke(std::forward<F>(f));
            value_.emplace(result);
        } else {
            value_.emplace(std::invoke(std::forward<F>(f)));
        }
    }
    void rethrow_if_failed() const {
        if (error_ != nullptr) std::rethrow_exception(error_);
    }
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): after rethrow_if_failed
    std::remove_reference_t<value_type>& get() noexcept { return *value_; }

    std::optional<stored> value_;
    std::exception_ptr error_;
};

} // namespace weft
