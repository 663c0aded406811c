// SPDX-License-Identifier: BSL-1.0
#include "net/tls_test.hpp"

#include <weft/net/tcp.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace weft::test {
namespace {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using file_ptr = std::unique_ptr<FILE, freed_by<fclose>>;

struct identity {
    key_ptr key;
    certificate_ptr certificate;
};

void require(bool good, const char* what) {
    if (!good) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

void add_extension(X509* to, X509* issuer, int what, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
    require(extension != nullptr && X509_add_ext(to, extension, -1) == 1, "extension");
    X509_EXTENSION_free(extension);
}

struct demands {
    const char* common_name = "";
    std::string names{};
    long from_s = -3600;
    long until_s = 3600;
    bool authority = false;
};

// Signed by itself if there is no issuer.
identity issue(const demands& wanted, const identity* issuer) {
    static long serial = 1;
    identity made{key_ptr(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")), certificate_ptr(X509_new())};
    X509* const certificate = made.certificate.get();
    require(made.key != nullptr && certificate != nullptr, "key");
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), wanted.from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), wanted.until_s);
    X509_set_pubkey(certificate, made.key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
        reinterpret_cast<const unsigned char*>(wanted.common_name), -1, -1, 0);
    const identity& by = issuer == nullptr ? made : *issuer;
    X509_set_issuer_name(certificate, X509_get_subject_name(by.certificate.get()));
    add_extension(certificate, by.certificate.get(), NID_basic_constraints,
        wanted.authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!wanted.names.empty())
        add_extension(certificate, by.certificate.get(), NID_subject_alt_name, wanted.names);
    require(X509_sign(certificate, by.key.get(), EVP_sha256()) != 0, "signature");
    return made;
}

} // namespace

const certificates& certificates::instance() {
    static const certificates all;
    return all;
}

certificates::certificates() {
    static_cast<void>(net::tls_context::client()); // before anything else uses OpenSSL: tls_context.hpp
    std::string pattern = (std::filesystem::temp_directory_path() / "weft_tls_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for certificates");
    folder_ = pattern;
    const auto store = [&](std::string_view name, const identity& one) {
        const file_ptr certificate_file(std::fopen(certificate(name).c_str(), "w"));
        PEM_write_X509(certificate_file.get(), one.certificate.get());
        const file_ptr key_file(std::fopen(key(name).c_str(), "w"));
        PEM_write_PrivateKey(key_file.get(), one.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    };
    const std::string local = "DNS:localhost,IP:127.0.0.1,IP:::1";
    const identity ca = issue({.common_name = "weft test authority", .authority = true}, nullptr);
    store("ca", ca);
    store("second_ca", issue({.common_name = "somebody else", .authority = true}, nullptr));
    store("localhost", issue({.common_name = "localhost", .names = local}, &ca));
    store("other", issue({.common_name = "other.example", .names = "DNS:other.example"}, &ca));
    store("expired",
        issue({.common_name = "localhost", .names = local, .from_s = -7200, .until_s = -3600}, &ca));
    store("subject_only", issue({.common_name = "localhost"}, &ca));
    store("self_signed", issue({.common_name = "localhost", .names = local}, nullptr));
}

certificates::~certificates() {
    std::error_code ec;
    std::filesystem::remove_all(folder_, ec);
}

net::tls_context server_context(const net::tls_options& options, std::string_view leaf) {
    const certificates& all = certificates::instance();
    return net::tls_context::server(all.certificate(leaf), all.key(leaf), options);
}

net::tls_context client_context(const net::tls_options& options) {
    return net::tls_context::client(certificates::instance().certificate("ca"), options);
}

std::string pattern(std::size_t size) {
    constexpr std::size_t period = 65521; // a prime
    std::string text(size, '\0');
    unsigned state = 1;
    for (std::size_t i = 0; i < std::min(size, period); ++i) {
        state = state * 1103515245 + 12345;
        text[i] = static_cast<char>(state >> 16);
    }
    for (std::size_t at = period; at < size; at += period)
        text.replace(at, std::min(period, size - at), text, 0, std::min(period, size - at));
    return text;
}

std::pair<tls, tls> tls_connection(const net::tls_context& client, const net::tls_context& server) {
    auto [near, far] = connection();
    return {net::tls_client(std::move(near), client, "localhost"), net::tls_server(std::move(far), server)};
}

std::pair<tls, tls> shaken_hands(const net::tls_context& client, const net::tls_context& server) {
    auto [near, far] = tls_connection(client, server);
    auto other_end = go([&stream = far] { stream.handshake(); });
    near.handshake();
    other_end.join();
    return {std::move(near), std::move(far)};
}

std::pair<tls, tls> shaken_hands() { return shaken_hands(client_context(), server_context()); }

} // namespace weft::test
