// SPDX-License-Identifier: BSL-1.0
#include "host_port.hpp"

#include <weft/net/resolve.hpp>

namespace weft::net {

std::optional<host_port> split_host_port(std::string_view text) noexcept {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon + 1 == text.size()) return std::nullopt;
    host_port parts{text.substr(0, colon), text.substr(colon + 1)};
    if (parts.host.size() >= 2 && parts.host.front() == '[' && parts.host.back() == ']') {
        parts.host = parts.host.substr(1, parts.host.size() - 2);
        if (parts.host.find(':') == std::string_view::npos) return std::nullopt;
    } else if (parts.host.find_first_of(":[]") != std::string_view::npos) {
        return std::nullopt;
    }
    return parts;
}

std::vector<endpoint> find_endpoints(std::string_view text, std::error_code& ec) {
    ec.clear();
    if (const auto numeric = endpoint::parse(text)) return {*numeric};
    if (const auto parts = split_host_port(text)) return resolve(parts->host, parts->port, ec);
    ec = std::make_error_code(std::errc::invalid_argument);
    return {};
}

} // namespace weft::net
