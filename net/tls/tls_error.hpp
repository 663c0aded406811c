// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <system_error>

namespace weft::net {

// OpenSSL's errors lie in a queue of the thread, where somebody else's may lie as well, and would be taken for ours. While this
// lives, they are ours: it empties the queue before and after. Nobody parks meanwhile.
class openssl_errors {
public:
    openssl_errors() noexcept;
    ~openssl_errors();
    openssl_errors(const openssl_errors&) = delete;
    openssl_errors& operator=(const openssl_errors&) = delete;
};

// The first in the queue, which is nearest to the cause; empties it. Never success.
std::error_code take_openssl_error() noexcept;

std::error_code verification_error(long code) noexcept;

[[noreturn]] void throw_openssl_error(const std::string& what);

} // namespace weft::net
