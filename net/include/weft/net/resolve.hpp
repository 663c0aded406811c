// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/endpoint.hpp>

#include <string_view>
#include <system_error>
#include <vector>

namespace weft::net {

// The addresses of a host's service, in the order in which they should be tried. The host is a name or an
// address without brackets; the service a name or a number. An empty host is this machine, an empty service
// port 0. Numbers are taken as they are; a look-up blocks the calling fiber, on a helper thread (weft/blocking.hpp), and is a
// cancellation point. Errors: those of resolve_category, in getaddrinfo's words; what the system reports.
[[gnu::visibility("default")]] std::vector<endpoint> resolve(std::string_view host, std::string_view service);
[[gnu::visibility("default")]] std::vector<endpoint> resolve(
    std::string_view host, std::string_view service, std::error_code& ec);

[[gnu::visibility("default")]] const std::error_category& resolve_category() noexcept;

} // namespace weft::net
