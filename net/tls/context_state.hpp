// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "tls/admission.hpp"
#include "tls/session_cache.hpp"

#include <weft/net/tls_context.hpp>

#include <memory>
#include <string>

struct ssl_ctx_st;

namespace weft::net {

struct free_context {
    void operator()(ssl_ctx_st* context) const noexcept;
};

// What a tls_context is a handle of.
class tls_context_state {
public:
    // Checks the options. Throws as tls_context's makers.
    tls_context_state(bool is_server, tls_options chosen);

    const bool server;
    const tls_options options;
    const std::string protocols; // options.alpn as OpenSSL wants it
    const std::unique_ptr<ssl_ctx_st, free_context> context;
    admission handshakes; // not used if there is no limit
    session_cache sessions;
};

} // namespace weft::net
