// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/endpoint.hpp>
#include <weft/net/readiness.hpp>

#include <functional>
#include <system_error>
#include <type_traits>
#include <utility>

namespace weft {

namespace net {

class bare_socket;

namespace detail {

// The next connection of a listener, waited for.
class [[gnu::visibility("default")]] accept_source : public readiness_source {
public:
    bool take() override;
    bool happened() const noexcept override;

    // After it has happened, once. Throws io_error as accept does.
    bare_socket take_accepted(endpoint& peer);

protected:
    explicit accept_source(const pollable& listener) noexcept;
    ~accept_source();

private:
    bool try_accept() const noexcept;

    mutable long accepted_; // the number, or -errno
    mutable endpoint peer_;
};

template <class Listener, class Handler>
class accept_case final : public accept_source {
public:
    using stream = decltype(std::declval<Listener&>().accept());
    using result = std::invoke_result_t<Handler&, stream>;

    accept_case(const Listener& listener, Handler handler) noexcept
        : accept_source(listener),
          handler_(std::move(handler)) {}
    result run() { return std::invoke(handler_, Listener::open(*this)); }

private:
    Handler handler_;
};

} // namespace detail
} // namespace net

// A case of a select. handler(stream): a connection was accepted. Closed meanwhile, or not open, or out of descriptors: select
// throws as accept would. The listener's deadline does not concern it.
template <class Listener, class Handler>
    requires requires(Listener& listener) { listener.accept(); }
auto on_accept(const Listener& listener, Handler handler) {
    return net::detail::accept_case<Listener, Handler>(listener, std::move(handler));
}

} // namespace weft
