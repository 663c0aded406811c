// SPDX-License-Identifier: BSL-1.0
#include "tls/tls_error.hpp"

#include <weft/net/error.hpp>
#include <weft/net/tls_context.hpp>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

namespace weft::net {
namespace {

class openssl_error_category final : public std::error_category {
public:
    const char* name() const noexcept override { return "weft.tls"; }
    std::string message(int code) const override {
        const auto packed = static_cast<unsigned>(code);
        const char* const reason = ERR_reason_error_string(packed);
        if (reason != nullptr) return reason;
        return "OpenSSL error " + std::to_string(packed);
    }
};

class verification_error_category final : public std::error_category {
public:
    const char* name() const noexcept override { return "weft.tls.verification"; }
    std::string message(int code) const override {
        return std::string("certificate not accepted: ") + X509_verify_cert_error_string(code);
    }
};

// ERR_clear_error visits all places of the queue, some 850 instructions; a look costs a quarter of that and nearly always finds nothing.
void empty_the_queue() noexcept {
    if (ERR_peek_error() != 0) ERR_clear_error();
}

} // namespace

const std::error_category& tls_category() noexcept {
    static const openssl_error_category category;
    return category;
}

const std::error_category& tls_verification_category() noexcept {
    static const verification_error_category category;
    return category;
}

openssl_errors::openssl_errors() noexcept { empty_the_queue(); }
openssl_errors::~openssl_errors() { empty_the_queue(); }

std::error_code take_openssl_error() noexcept {
    const unsigned long first = ERR_get_error();
    ERR_clear_error();
    if (first == 0)
        return std::make_error_code(std::errc::not_enough_memory); // the only one that leaves none
    if (ERR_SYSTEM_ERROR(first)) return {ERR_GET_REASON(first), std::system_category()};
    return {static_cast<int>(static_cast<unsigned>(first)), tls_category()};
}

std::error_code verification_error(long code) noexcept {
    return {static_cast<int>(code), tls_verification_category()};
}

void throw_openssl_error(const std::string& what) { throw io_error(take_openssl_error(), what); }

} // namespace weft::net
