// SPDX-License-Identifier: BSL-1.0
#include "tls/context_state.hpp"
#include "tls/tls_engine.hpp"
#include "tls/tls_error.hpp"

#include <weft/net/error.hpp>

#include <span>
#include <utility>

#include <openssl/ssl.h>

namespace weft::net {
namespace {

[[noreturn]] void refuse(const std::string& what) {
    throw io_error(std::make_error_code(std::errc::invalid_argument), what);
}

int number_of(tls_version version) noexcept {
    return version == tls_version::tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

// As they are sent: each with its length before it.
std::string wire_form(std::span<const std::string> protocols) {
    std::string all;
    for (const std::string& each : protocols) {
        if (each.empty() || each.size() > 255)
            refuse("tls_options: an application protocol is of 1 to 255 bytes");
        all += static_cast<char>(static_cast<unsigned char>(each.size()));
        all += each;
    }
    return all;
}

const unsigned char* unsigned_bytes(const std::string& text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

// Called inside the handshake.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
    unsigned offered_size, void* state) {
    const std::string* const own = static_cast<const std::string*>(state);
    unsigned char* found = nullptr;
    const int result = SSL_select_next_proto(
        &found, size, unsigned_bytes(*own), static_cast<unsigned>(own->size()), offered, offered_size);
    *chosen = found;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// OpenSSL would ask for one on the terminal.
int no_password(char*, int, int, void*) { return -1; }

int keep_session(SSL* ssl, SSL_SESSION* session) {
    tls_engine::of(ssl)->session_came(session_ptr(session));
    return 1; // it is ours now
}

// OpenSSL would be taken down at exit, unless it was told before its first use. Fibers and threads of the default runtime may go on
// for a while, and would use what is gone; what they leave behind would be lost.
void keep_openssl_until_the_end() {
    static const int kept = OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, nullptr);
    if (kept != 1) throw_openssl_error("tls_context");
}

SSL_CTX* make_context(bool server, const tls_options& options) {
    keep_openssl_until_the_end();
    const openssl_errors ours;
    SSL_CTX* const made = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (made == nullptr) throw_openssl_error("tls_context");
    SSL_CTX_set_min_proto_version(made, number_of(options.minimum_version));
    SSL_CTX_set_max_proto_version(made, number_of(options.maximum_version));
    SSL_CTX_set_options(made, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(
        made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(made, 1); // of memory: a record in one step instead of two
    SSL_CTX_set_default_passwd_cb(made, no_password);
    if (!options.session_tickets) {
        SSL_CTX_set_options(made, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(made, 0);
    }
    // A server's sessions are in the tickets that it gives, and a client's belong to a name.
    SSL_CTX_set_session_cache_mode(made,
        server || !options.session_tickets ? SSL_SESS_CACHE_OFF
                                           : SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    if (!server) {
        SSL_CTX_sess_set_new_cb(made, keep_session);
        SSL_CTX_set_verify(made, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    }
    return made;
}

} // namespace

void free_context::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }

tls_context_state::tls_context_state(bool is_server, tls_options chosen)
    : server(is_server),
      options(std::move(chosen)),
      protocols(wire_form(options.alpn)),
      context(make_context(server, options)),
      handshakes(options.max_concurrent_handshakes) {
    if (options.minimum_version > options.maximum_version)
        refuse("tls_options: the minimum version is above the maximum");
    if (protocols.empty()) return;
    const openssl_errors ours;
    if (server)
        SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, const_cast<std::string*>(&protocols));
    else if (SSL_CTX_set_alpn_protos(context.get(), unsigned_bytes(protocols),
                 static_cast<unsigned>(protocols.size())) != 0) // it is the odd one out
        throw_openssl_error("tls_options: the application protocols");
}

tls_context tls_context::server(
    const std::string& certificate_file, const std::string& key_file, const tls_options& options) {
    auto state = std::make_shared<tls_context_state>(true, options);
    SSL_CTX* const context = state->context.get();
    const openssl_errors ours;
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1)
        throw_openssl_error("tls_context: certificate '" + certificate_file + "'");
    if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        throw_openssl_error("tls_context: key '" + key_file + "'");
    return tls_context(std::move(state));
}

tls_context tls_context::client(const tls_options& options) {
    auto state = std::make_shared<tls_context_state>(false, options);
    const openssl_errors ours;
    if (SSL_CTX_set_default_verify_paths(state->context.get()) != 1)
        throw_openssl_error("tls_context: the system's certificate authorities");
    return tls_context(std::move(state));
}

tls_context tls_context::client(const std::string& ca_file, const tls_options& options) {
    auto state = std::make_shared<tls_context_state>(false, options);
    const openssl_errors ours;
    if (SSL_CTX_load_verify_file(state->context.get(), ca_file.c_str()) != 1)
        throw_openssl_error("tls_context: certificate authorities '" + ca_file + "'");
    return tls_context(std::move(state));
}

bool tls_context::is_server() const noexcept { return state_->server; }

} // namespace weft::net
