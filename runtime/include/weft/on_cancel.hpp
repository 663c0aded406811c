// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/cancel_token.hpp>
#include <weft/waiting/source.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace weft {

namespace detail {

// A token's firing, waited for. An empty state never fires.
class [[gnu::visibility("default")]] cancel_wait : public source {
public:
    explicit cancel_wait(counted_ref<cancel_state> of) noexcept;

    bool may_be_ready() const noexcept override;
    bool take() override;
    void enqueue() noexcept override;
    void withdraw() noexcept override;

protected:
    ~cancel_wait() = default;

private:
    const counted_ref<cancel_state> of_;
    wait_node node_;
};

template <class Handler>
class cancel_case final : public cancel_wait {
public:
    using result = std::invoke_result_t<Handler&>;

    cancel_case(counted_ref<cancel_state> of, Handler handler)
        : cancel_wait(std::move(of)),
          handler_(std::move(handler)) {}
    result run() { return std::invoke(handler_); }

private:
    Handler handler_;
};

} // namespace detail

// A case of a select. handler(): the token has fired. The select itself is a cancellation point as ever: with the token in one of
// the caller's own scopes it throws.
template <class Handler>
auto on_cancel(const cancel_token& token, Handler handler) {
    return detail::cancel_case<Handler>(token.state_, std::move(handler));
}

} // namespace weft
