// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/detail/awaited.hpp>
#include <weft/waiting/source.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace weft::detail {

// A receiver of a oneshot, watch or broadcast as a case of a select. It happens once the receiver is ready, which it then stays
// (awaited.hpp); what it is ready for is taken when the case runs.
//
// A Receiver has, for this: may_be_ready() without the lock, is_ready() under it, take_ready(), which gives the handler's
// argument.
template <class Receiver, class Handler>
class awaited_case final : public source {
public:
    using result = std::invoke_result_t<Handler&, decltype(std::declval<Receiver&>().take_ready())>;

    awaited_case(Receiver& receiver, awaited& of, Handler handler)
        : source(&of.lock(), of.rank(), node_),
          receiver_(receiver),
          of_(of),
          handler_(std::move(handler)) {}

    bool may_be_ready() const noexcept override { return receiver_.may_be_ready(); }
    bool take() override { return receiver_.is_ready(); }
    void enqueue() noexcept override { of_.enqueue(node_); }
    void withdraw() noexcept override { of_.withdraw(node_); }

    result run() { return std::invoke(handler_, receiver_.take_ready()); }

private:
    Receiver& receiver_;
    awaited& of_;
    wait_node node_;
    Handler handler_;
};

} // namespace weft::detail
