// SPDX-License-Identifier: BSL-1.0
#include "tls/tls_engine.hpp"

#include "poller/outcome.hpp"
#include "tls/tls_call.hpp"
#include "tls/tls_error.hpp"

#include <weft/net/error.hpp>
#include <weft/waiting/claimed_list.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace weft::net {
namespace {

// A connection on which little comes waits with a small buffer, on its stack.
constexpr std::size_t little = 2048;
constexpr std::size_t much = std::size_t{32} << 10;

constexpr wait_reason for_place{"a place among the TLS handshakes", true};

int place_in_ssl() noexcept {
    static const int place = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return place;
}

// As it is asked for, and the key of the sessions: lower case, without a root's dot.
std::string normalized(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    std::string result(name);
    for (char& each : result)
        if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
    return result;
}

void expect_peer(SSL* ssl, const std::string& name, bool verify) {
    X509_VERIFY_PARAM* const demands = SSL_get0_param(ssl);
    if (name.empty()) {
        if (!verify) return;
        throw io_error(
            std::make_error_code(std::errc::invalid_argument), "tls_client: no name of whom to trust");
    }
    const bool is_text = name.find('\0') == std::string::npos; // else OpenSSL sees a part of it
    if (is_text && X509_VERIFY_PARAM_set1_ip_asc(demands, name.c_str()) == 1) return;
    // The certificate's subject is words for people (RFC 9525).
    X509_VERIFY_PARAM_set_hostflags(
        demands, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (!is_text || X509_VERIFY_PARAM_set1_host(demands, name.data(), name.size()) != 1 ||
        SSL_set_tlsext_host_name(ssl, name.c_str()) != 1)
        throw io_error(
            std::make_error_code(std::errc::invalid_argument), "tls_client: the name '" + name + "'");
}

} // namespace

// --- beginning and end

void tls_engine::free_ssl::operator()(ssl_st* ssl) const noexcept { SSL_free(ssl); }

tls_engine* tls_engine::of(ssl_st* ssl) noexcept {
    return static_cast<tls_engine*>(SSL_get_ex_data(ssl, place_in_ssl()));
}

tls_engine::tls_engine(
    detail::tls_transport& transport, std::shared_ptr<tls_context_state> context, std::string_view name)
    : transport_(transport),
      context_(std::move(context)),
      name_(normalized(name)),
      access_(transport, context_->handshakes),
      handshake_deadline_(context_->server ? handshake_deadline() : never) {
    const session_ptr known = context_->server || name_.empty() ? nullptr : context_->sessions.take(name_);
    const openssl_errors ours;
    ssl_.reset(SSL_new(context_->context.get()));
    BIO* const bio = ssl_ == nullptr ? nullptr : bytes_.new_bio();
    if (bio == nullptr || SSL_set_ex_data(ssl(), place_in_ssl(), this) != 1) {
        BIO_free(bio);
        throw_openssl_error("tls_stream");
    }
    SSL_set_bio(ssl(), bio, bio);
    if (context_->server) {
        SSL_set_accept_state(ssl());
        return;
    }
    SSL_set_connect_state(ssl());
    expect_peer(ssl(), name_, context_->options.verify);
    if (known != nullptr) SSL_set_session(ssl(), known.get());
}

tls_engine::~tls_engine() = default;

clock::time_point tls_engine::handshake_deadline() const noexcept {
    const std::chrono::nanoseconds timeout = context_->options.handshake_timeout;
    return timeout == timeout.zero() ? never : detail::deadline_after(timeout);
}

std::string tls_engine::handshake_text() const {
    return name_.empty() ? "TLS handshake" : "TLS handshake with '" + name_ + "'";
}

// --- one call of OpenSSL; under ssl_lock_, after it

tls_engine::reply tls_engine::judge(int result) {
    const int why = result > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl(), result);
    const std::uint64_t fed = fed_.load(std::memory_order_relaxed);
    switch (why) {
    case SSL_ERROR_NONE: return {.is = answer::done, .fed = fed};
    case SSL_ERROR_ZERO_RETURN: return {.is = answer::ended, .fed = fed};
    case SSL_ERROR_WANT_READ:
        if (!input_ended_) return {.is = answer::wants_input, .fed = fed};
        return {.is = answer::failed, .error = errc::unexpected_eof, .fed = fed};
    default: break;
    }
    const long verified = SSL_get_verify_result(ssl());
    const bool of_certificate =
        verified != X509_V_OK && ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    failed_ = take_openssl_error();
    if (of_certificate) failed_ = verification_error(verified);
    return {.is = answer::failed, .error = failed_, .fed = fed};
}

bool tls_engine::would_want_input(const reply& said) const noexcept {
    if (said.is == answer::wants_input) return true;
    return said.is == answer::done && established() && bytes_.all_read() && SSL_has_pending(ssl()) == 0 &&
        (SSL_get_shutdown(ssl()) & SSL_RECEIVED_SHUTDOWN) == 0;
}

// --- receiving

std::error_code tls_engine::closed_or(std::error_code error, const tls_terms& terms) const noexcept {
    return access_.closing() && !terms.last ? outcome::to_error_code(outcome::closed_meanwhile) : error;
}

std::error_code tls_engine::fill(std::uint64_t seen, const tls_terms& terms) {
    const transport_access::hold turn(access_, tls_turn::input, terms);
    if (turn.error()) return turn.error();
    if (fed_.load(std::memory_order_acquire) != seen) return {};
    return receive(terms);
}

std::error_code tls_engine::receive(const tls_terms& terms) {
    struct counted {
        tls_engine& self;
        ~counted() { self.count_read(); }
    } const counts{*this};

    std::error_code ec;
    std::array<std::byte, little> small; // NOLINT(*-member-init)
    std::unique_ptr<std::byte[]> block;
    if (much_comes_) block = std::make_unique_for_overwrite<std::byte[]>(much);
    const std::span<std::byte> room = much_comes_ ? std::span(block.get(), much) : std::span(small);
    const std::size_t size = transport_.read_some(room, ec);
    if (ec) return closed_or(ec, terms);
    if (size != 0 && block == nullptr) {
        block = std::make_unique_for_overwrite<std::byte[]>(size);
        std::copy_n(small.begin(), size, block.get());
    }
    much_comes_ = size == room.size();

    const std::scoped_lock guard(ssl_lock_);
    if (size == 0)
        input_ended_ = true;
    else
        bytes_.arrived(std::move(block), size);
    fed_.fetch_add(1, std::memory_order_release);
    return {};
}

// --- sending

tls_terms tls_engine::at_once(bool last) noexcept {
    constexpr std::chrono::seconds enough(1); // also for a thread that is not let run in between
    return {.limit = detail::deadline_after(enough), .last = last};
}

bool tls_engine::next_to_send() {
    if (sent_of_it_ < sending_.size()) return true;
    sent_of_it_ = 0;
    sending_ = {};
    const std::scoped_lock guard(ssl_lock_);
    bytes_.take_outgoing(sending_);
    unsent_.store(false, std::memory_order_relaxed);
    return !sending_.empty();
}

std::error_code tls_engine::send_some(const tls_terms& terms) {
    std::error_code ec;
    const std::size_t size = transport_.write_some(std::span(sending_).subspan(sent_of_it_), ec);
    sent_of_it_ += size;
    sent_.fetch_add(size, std::memory_order_relaxed);
    return ec ? closed_or(ec, terms) : ec;
}

std::error_code tls_engine::send_all(const tls_terms& terms) {
    do {
        const transport_access::hold turn(access_, tls_turn::output, terms);
        if (turn.error()) return turn.error();
        while (next_to_send())
            if (const std::error_code ec = send_some(terms)) return ec;
    } while (unsent_.load(std::memory_order_relaxed));
    return {};
}

// Failures are left to the next writer, who will meet them, too.
void tls_engine::send_if_room() {
    const cancellation_shield shield;
    do {
        const tls_terms terms = at_once();
        const transport_access::hold turn(access_, tls_turn::output, terms, std::try_to_lock);
        if (turn.error()) return;
        while (next_to_send())
            if (!transport_.writable_now() || send_some(terms)) return;
    } while (unsent_.load(std::memory_order_relaxed));
}

// --- handshake

std::error_code tls_engine::handshake() {
    begin_operation();
    if (access_.closing()) return outcome::to_error_code(outcome::closed);
    return handshake({.sides = tls_terms::both});
}

std::error_code tls_engine::handshake(const tls_terms& terms) {
    if (established()) return {};
    const transport_access::hold turn(access_, tls_turn::handshake, terms);
    if (turn.error()) return turn.error();
    if (established()) return {};
    if (handshake_deadline_ == never) handshake_deadline_ = handshake_deadline();
    return make_handshake({.sides = terms.sides, .limit = handshake_deadline_});
}

namespace {

// One place among the handshakes of a context.
class handshake_place {
public:
    explicit handshake_place(tls_context_state& of) noexcept
        : of_(of),
          limited_(of.server && of.options.max_concurrent_handshakes != 0) {}
    ~handshake_place() {
        if (taken_) of_.handshakes.leave();
    }
    handshake_place(const handshake_place&) = delete;
    handshake_place& operator=(const handshake_place&) = delete;

    std::error_code take(transport_access& access, const tls_terms& terms) {
        if (!limited_ || taken_) return {};
        const std::error_code ec = access.enter_shared(terms, for_place);
        taken_ = !ec;
        return ec;
    }

private:
    tls_context_state& of_;
    const bool limited_;
    bool taken_ = false;
};

} // namespace

std::error_code tls_engine::make_handshake(const tls_terms& terms) {
    if (const std::error_code ec = access_.trouble(terms)) return ec;
    // A client that has said nothing yet costs no buffers and takes up no place.
    if (context_->server && fed_.load(std::memory_order_acquire) == 0)
        if (const std::error_code ec = fill(0, terms)) return ec;
    handshake_place place(*context_);
    if (const std::error_code ec = place.take(access_, terms)) return ec;
    for (;;) {
        if (const std::error_code ec = access_.trouble(terms)) return ec;
        bool only_tickets = false; // are left to be sent: in TLS 1.3 the client has had the last word
        const reply said = call([&](SSL* ssl) {
            const int result = SSL_do_handshake(ssl);
            only_tickets = result == 1 && SSL_is_server(ssl) == 1 && SSL_version(ssl) == TLS1_3_VERSION;
            return result;
        });
        if (said.is == answer::failed) {
            send_if_room(); // the alert
            return said.error;
        }
        if (only_tickets)
            send_if_room();
        else if (const std::error_code ec = send_all(terms))
            return ec;
        if (said.is == answer::done) {
            established_.store(true, std::memory_order_release);
            count_read();
            return {};
        }
        if (const std::error_code ec = fill(said.fed, terms)) return ec;
    }
}

// --- selects

std::uint64_t tls_engine::reads() noexcept {
    const std::scoped_lock guard(watch_lock_);
    return reads_;
}

void tls_engine::count_read() noexcept {
    claimed_list claimed;
    const std::scoped_lock guard(watch_lock_);
    ++reads_;
    claimed.claim_all(watchers_);
}

bool tls_engine::watch(wait_node& node, std::uint64_t seen) noexcept {
    const std::scoped_lock guard(watch_lock_);
    if (reads_ != seen) return false;
    watchers_.push(node);
    return true;
}

void tls_engine::unwatch(wait_node& node) noexcept {
    const std::scoped_lock guard(watch_lock_);
    watchers_.withdraw(node);
}

tls_engine::readiness tls_engine::look_for_bytes() {
    const cancellation_shield shield;
    if (!is_open() || access_.reads_ended()) return readiness::ready;
    if (!established()) return transport_.readable_now() ? readiness::ready : readiness::not_yet;
    for (;;) {
        char byte = 0;
        std::size_t size = 0;
        const reply said = call([&](SSL* ssl) { return SSL_peek_ex(ssl, &byte, 1, &size); });
        if (said.to_send) send_if_room();
        if (said.is != answer::wants_input) return readiness::ready;
        const tls_terms terms = at_once();
        const transport_access::hold turn(access_, tls_turn::input, terms, std::try_to_lock);
        if (turn.error()) return readiness::others_read;
        if (fed_.load(std::memory_order_acquire) != said.fed) continue;
        if (!transport_.readable_now()) return readiness::not_yet;
        const std::error_code ec = receive(terms);
        if (ec) return ec == errc::deadline_exceeded ? readiness::not_yet : readiness::ready;
    }
}

} // namespace weft::net
