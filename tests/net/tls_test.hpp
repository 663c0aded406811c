// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "net/net_test.hpp"

#include <weft/net/tls.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace weft::test {

// Certificates in a folder of their own, made when they are first asked for: an authority, and what it signed.
class certificates {
public:
    static const certificates& instance();

    // "ca", and the leaves: "localhost" (also 127.0.0.1 and ::1), "other" (other.example), "expired", "self_signed", all but the
    // others for localhost; "subject_only", where its name is but in the subject; "second_ca", whom nobody knows.
    std::string certificate(std::string_view name) const {
        return folder_ + '/' + std::string(name) + ".pem";
    }
    std::string key(std::string_view name) const { return folder_ + '/' + std::string(name) + ".key"; }
    const std::string& folder() const noexcept { return folder_; }

    certificates(const certificates&) = delete;
    certificates& operator=(const certificates&) = delete;

private:
    certificates();
    ~certificates();
    std::string folder_;
};

net::tls_context server_context(const net::tls_options& options = {}, std::string_view leaf = "localhost");
net::tls_context client_context(const net::tls_options& options = {});

// Text in which no part of a transfer looks like the one before it.
std::string pattern(std::size_t size);

using tls = net::tls_stream<net::tcp_stream>;

// Two ends over one TCP connection, without a handshake.
std::pair<tls, tls> tls_connection(const net::tls_context& client, const net::tls_context& server);
// With one. What went wrong at either end is reported.
std::pair<tls, tls> shaken_hands(const net::tls_context& client, const net::tls_context& server);
std::pair<tls, tls> shaken_hands();

inline std::string read_to_end(net::tls_byte_stream& from) {
    std::string all;
    for (std::string part = read_text(from, 65536); !part.empty(); part = read_text(from, 65536)) all += part;
    return all;
}
// What is not the stream's, below it. The deadline there is that of whatever the stream sent last.
inline void forge(tls& from, std::string_view raw) {
    from.next_layer().clear_deadline();
    from.next_layer().write_all(bytes(raw));
}
inline std::error_code read_failure(net::tls_byte_stream& from) {
    return failure_of([&] { read_text(from, 1); });
}
inline std::error_code write_failure(net::tls_byte_stream& to) {
    return failure_of([&] { to.write_all(bytes("x")); });
}

} // namespace weft::test
