// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "tls/tls_engine.hpp"
#include "tls/tls_error.hpp"

#include <utility>

namespace weft::net {

template <class F>
tls_engine::reply tls_engine::call(F f) {
    session_ptr to_keep;
    reply result{answer::failed};
    {
        const std::scoped_lock guard(ssl_lock_);
        if (failed_) {
            result.error = failed_;
        } else {
            const openssl_errors ours;
            result = judge(f(ssl()));
        }
        drained_.store(would_want_input(result) ? result.fed : not_drained, std::memory_order_relaxed);
        result.to_send = bytes_.has_outgoing();
        unsent_.store(result.to_send, std::memory_order_relaxed);
        to_keep = std::move(new_session_);
    }
    if (to_keep != nullptr && !name_.empty()) context_->sessions.keep(name_, std::move(to_keep));
    return result;
}

} // namespace weft::net
