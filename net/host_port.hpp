// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/endpoint.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace weft::net {

// "host:port" as connect and listen take it; an address in brackets loses them.
struct host_port {
    std::string_view host;
    std::string_view port;
};
std::optional<host_port> split_host_port(std::string_view text) noexcept;

// The endpoints that the text names: at once if it is numeric, else by a look-up. Empty: ec says why.
std::vector<endpoint> find_endpoints(std::string_view text, std::error_code& ec);

// What ":80" means where an address of this machine is wanted: make("[::]:80", ec), and where there is no IPv6
// make("0.0.0.0:80", ec).
template <class Make>
auto on_all_addresses(std::string_view colon_port, Make make, std::error_code& ec) {
    auto both = make("[::]" + std::string(colon_port), ec);
    if (ec != std::errc::address_family_not_supported) return both;
    return make("0.0.0.0" + std::string(colon_port), ec);
}

} // namespace weft::net
