// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace weft::net {

class tls_context_state;

enum class tls_version { tls_1_2, tls_1_3 };

struct tls_options {
    // Application protocols, the most wanted first. A server takes the first of its own that the client offers, and ends the
    // handshake if there is none; a client that gets none goes on without.
    std::vector<std::string> alpn{};
    tls_version minimum_version = tls_version::tls_1_2;
    tls_version maximum_version = tls_version::tls_1_3;
    // Clients: the server must prove to be who it was said to be. Without it anybody can read and change what is sent.
    bool verify = true;
    // Servers: clients are given tickets to resume by. Clients: sessions are kept and resumed.
    bool session_tickets = true;
    // A server's counts from the making of the tls_stream, that is, from the accept; a client's from the first call that needs
    // the handshake. 0: no limit beside the stream's deadlines.
    std::chrono::nanoseconds handshake_timeout = std::chrono::seconds(10);
    // Servers: how many handshakes go on at a time, of peers that have begun to talk; others wait, first come, first served, at
    // the expense of their timeout. 0: no limit.
    std::size_t max_concurrent_handshakes = 1024;
};

// What many connections have in common: certificate and key, or whom to trust, and the sessions to resume. A shared handle: copies
// name the same context, which lives as long as a stream that was made of it. Thread-safe.
//
// The first one tells OpenSSL not to end at exit (OPENSSL_INIT_NO_ATEXIT), for the default runtime may go on until then. A program
// that uses OpenSSL before that should tell it so itself, if its default runtime may still be in a TLS call at exit.
//
// Making one reads files, which blocks the thread. Errors: io_error that names the file, with an error of tls_category() or of the
// system; std::errc::invalid_argument for options that cannot be.
class [[gnu::visibility("default")]] tls_context {
public:
    // PEM files: the certificate first, then those that lead to a root; the key without a password.
    static tls_context server(
        const std::string& certificate_file, const std::string& key_file, const tls_options& options = {});
    // Trusts the system's certificate authorities, or those of a PEM file alone.
    static tls_context client(const tls_options& options = {});
    static tls_context client(const std::string& ca_file, const tls_options& options = {});

    bool is_server() const noexcept;

private:
    friend class tls_byte_stream;
    explicit tls_context(std::shared_ptr<tls_context_state> state) noexcept : state_(std::move(state)) {}

    std::shared_ptr<tls_context_state> state_;
};

// Errors in OpenSSL's words: the value is OpenSSL's packed code.
[[gnu::visibility("default")]] const std::error_category& tls_category() noexcept;
// Why a peer's certificate was not accepted: the value is one of OpenSSL's X509_V_ERR_...
[[gnu::visibility("default")]] const std::error_category& tls_verification_category() noexcept;

} // namespace weft::net
