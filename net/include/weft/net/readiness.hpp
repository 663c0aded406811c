// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/pollable.hpp>
#include <weft/waiting/source.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace weft {

namespace net::detail {

// A direction of a descriptor, waited for. Keeps the descriptor's number from being given back.
class [[gnu::visibility("default")]] readiness_source : public source {
public:
    // To look is a system call, which take() makes.
    bool may_be_ready() const noexcept override { return true; }
    bool take() override;
    void enqueue() noexcept override;
    void withdraw() noexcept override;
    bool happened() const noexcept override;
    bool external() const noexcept override { return true; }

protected:
    readiness_source(const pollable& of, bool writing) noexcept;
    ~readiness_source();

    bool is_closed() const noexcept;
    long closed_outcome() const noexcept; // whether before the wait or meanwhile

    registration* const of_; // nullptr: not open

private:
    readiness_source(registration* entered, bool writing) noexcept;

    bool is_ready() const noexcept;

    const bool writing_;
    bool queued_ = false;
    wait_node node_;
};

template <class Source, class Handler>
class readiness_case final : public Source {
public:
    using result = std::invoke_result_t<Handler&>;

    template <class Stream>
    readiness_case(const Stream& of, bool writing, Handler handler) noexcept
        : Source(of, writing),
          handler_(std::move(handler)) {}
    result run() { return std::invoke(handler_); }

private:
    Handler handler_;
};

} // namespace net::detail

// Cases of a select. handler(): a read (a write) would not wait now: there are bytes (room), or the end, or an error, which the
// next call will tell. Somebody else may be faster: then that call waits. The descriptor's deadlines do not concern them. Closed
// meanwhile, or not open: select throws io_error, operation_canceled or bad_file_descriptor, as a read would.
template <class Handler>
auto on_readable(const net::pollable& of, Handler handler) {
    return net::detail::readiness_case<net::detail::readiness_source, Handler>(of, false, std::move(handler));
}
template <class Handler>
auto on_writable(const net::pollable& of, Handler handler) {
    return net::detail::readiness_case<net::detail::readiness_source, Handler>(of, true, std::move(handler));
}

} // namespace weft
