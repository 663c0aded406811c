// SPDX-License-Identifier: BSL-1.0
#include "poller/outcome.hpp"
#include "tls/tls_engine.hpp"

#include <weft/net/error.hpp>
#include <weft/net/tls.hpp>

#include <array>
#include <memory>
#include <stdexcept>
#include <utility>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace weft::net {
namespace {

const std::error_code not_open = outcome::to_error_code(outcome::closed);

detail::tls_transfer done(const tls_engine* engine, const tls_result& result) noexcept {
    return {.bytes = result.bytes,
        .why = result.error,
        .failed_to_shake_hands = result.in_handshake ? engine : nullptr};
}
detail::tls_transfer read(tls_engine* from, std::span<std::byte> to, bool all) {
    if (from == nullptr) return {.why = not_open};
    return done(from, from->read(to, all));
}
detail::tls_transfer write(tls_engine* to, std::span<const std::span<const std::byte>> pieces, bool all) {
    if (to == nullptr) return {.why = not_open};
    return done(to, to->write(pieces, all));
}

std::string text(const char* words) { return words == nullptr ? std::string() : words; }

struct free_certificate {
    void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};
struct free_bio {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};

// f of the peer's certificate, or nothing.
template <class F>
std::string of_peer(const tls_engine* engine, F f) {
    if (engine == nullptr) return {};
    return engine->look([&](const SSL* ssl) {
        const std::unique_ptr<X509, free_certificate> certificate(SSL_get1_peer_certificate(ssl));
        return certificate == nullptr ? std::string() : f(certificate.get());
    });
}

std::shared_ptr<tls_context_state> of_kind(const std::shared_ptr<tls_context_state>& state, bool server) {
    if (state->server != server)
        throw std::logic_error(server ? "weft::net::tls_server: the context was made by tls_context::client"
                                      : "weft::net::tls_client: the context was made by tls_context::server");
    return state;
}

} // namespace

tls_byte_stream::tls_byte_stream() noexcept = default;
tls_byte_stream::tls_byte_stream(std::unique_ptr<detail::tls_transport> transport, const tls_context& context)
    : transport_(std::move(transport)),
      engine_(std::make_unique<tls_engine>(*transport_, of_kind(context.state_, true), "")) {}
tls_byte_stream::tls_byte_stream(
    std::unique_ptr<detail::tls_transport> transport, const tls_context& context, std::string_view name)
    : transport_(std::move(transport)),
      engine_(std::make_unique<tls_engine>(*transport_, of_kind(context.state_, false), name)) {}
tls_byte_stream::tls_byte_stream(tls_byte_stream&&) noexcept = default;
tls_byte_stream::~tls_byte_stream() = default;

tls_byte_stream& tls_byte_stream::operator=(tls_byte_stream&& other) noexcept {
    engine_ = std::move(other.engine_); // which refers to the transport
    transport_ = std::move(other.transport_);
    return *this;
}

void tls_byte_stream::handshake(std::error_code& ec) {
    ec = engine_ == nullptr ? not_open : engine_->handshake();
}
void tls_byte_stream::handshake() {
    std::error_code ec;
    handshake(ec);
    if (ec) throw io_error(ec, engine_ == nullptr ? "TLS handshake" : engine_->handshake_text());
}

void detail::tls_transfer::raise(const char* what) const {
    throw io_error(
        why, failed_to_shake_hands == nullptr ? what : failed_to_shake_hands->handshake_text(), bytes);
}

detail::tls_transfer tls_byte_stream::do_read_some(std::span<std::byte> to) {
    return read(engine_.get(), to, false);
}
detail::tls_transfer tls_byte_stream::do_read_exactly(std::span<std::byte> to) {
    return read(engine_.get(), to, true);
}
detail::tls_transfer tls_byte_stream::do_write_some(std::span<const std::byte> from) {
    return write(engine_.get(), std::span(&from, 1), false);
}
detail::tls_transfer tls_byte_stream::do_write_all(std::span<const std::byte> from) {
    return write(engine_.get(), std::span(&from, 1), true);
}
detail::tls_transfer tls_byte_stream::do_write_pieces(std::span<const std::span<const std::byte>> pieces) {
    return write(engine_.get(), pieces, true);
}

std::error_code tls_byte_stream::do_shutdown(direction which) {
    return engine_ == nullptr ? not_open : engine_->shutdown(which);
}

void tls_byte_stream::set_deadlines(clock::time_point deadline, bool of_reads, bool of_writes) {
    const unsigned sides =
        (of_reads ? tls_terms::reads : tls_terms::none) | (of_writes ? tls_terms::writes : tls_terms::none);
    if (engine_ == nullptr || !engine_->set_deadline(deadline, sides))
        throw io_error(not_open, "set_deadline");
}

std::error_code tls_byte_stream::do_close() noexcept {
    return engine_ == nullptr ? not_open : engine_->close();
}

bool tls_byte_stream::is_open() const noexcept { return engine_ != nullptr && engine_->is_open(); }
ssl_st* tls_byte_stream::native_handle() const noexcept {
    return engine_ == nullptr ? nullptr : engine_->ssl();
}

std::string tls_byte_stream::alpn() const {
    if (engine_ == nullptr) return {};
    return engine_->look([](const SSL* ssl) {
        const unsigned char* name = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(ssl, &name, &size);
        return name == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(name), size);
    });
}
std::string tls_byte_stream::version() const {
    if (engine_ == nullptr) return {};
    return engine_->look([](const SSL* ssl) { return text(SSL_get_version(ssl)); });
}
std::string tls_byte_stream::cipher() const {
    if (engine_ == nullptr) return {};
    return engine_->look([](const SSL* ssl) { return text(SSL_get_cipher_name(ssl)); });
}
bool tls_byte_stream::session_reused() const {
    return engine_ != nullptr && engine_->look([](SSL* ssl) { return SSL_session_reused(ssl) == 1; });
}

std::string tls_byte_stream::peer_subject() const {
    return of_peer(engine_.get(), [](const X509* certificate) {
        const std::unique_ptr<BIO, free_bio> words(BIO_new(BIO_s_mem()));
        char* start = nullptr;
        if (words == nullptr ||
            X509_NAME_print_ex(words.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0)
            return std::string();
        const long size = BIO_get_mem_data(words.get(), &start);
        return std::string(start, static_cast<std::size_t>(size));
    });
}
std::string tls_byte_stream::peer_fingerprint() const {
    return of_peer(engine_.get(), [](const X509* certificate) {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned size = 0;
        std::string result;
        if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return result;
        for (const unsigned char each : std::span(digest).first(size)) {
            result += "0123456789abcdef"[each >> 4];
            result += "0123456789abcdef"[each & 15];
        }
        return result;
    });
}

} // namespace weft::net
