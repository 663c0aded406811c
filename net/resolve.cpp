// SPDX-License-Identifier: BSL-1.0
#include "socket_address.hpp"

#include <weft/net/error.hpp>
#include <weft/net/resolve.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include <errno.h>
#include <netdb.h>

namespace weft::net {
namespace {

class resolve_error_category final : public std::error_category {
public:
    const char* name() const noexcept override { return "weft.resolve"; }
    std::string message(int code) const override { return ::gai_strerror(code); }
    std::error_condition default_error_condition(int code) const noexcept override {
        switch (code) {
        case EAI_AGAIN: return std::errc::resource_unavailable_try_again;
        case EAI_MEMORY: return std::errc::not_enough_memory;
        default: return {code, *this};
        }
    }
};

// In a function of its own, since errno is another one after a migration.
[[gnu::noinline]] std::error_code look_up(const char* host, const char* service, addrinfo*& found) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    const int result = ::getaddrinfo(host, service, &hints, &found);
    if (result == EAI_SYSTEM) return {errno, std::system_category()};
    return {result, resolve_category()};
}

// getaddrinfo takes only the low 16 bits of a number.
bool is_port_out_of_range(const std::string& service) {
    return !service.empty() && service.find_first_not_of("0123456789") == std::string::npos &&
        (service.size() > 9 || std::stoul(service) > 65535);
}

} // namespace

const std::error_category& resolve_category() noexcept {
    static const resolve_error_category category;
    return category;
}

std::vector<endpoint> resolve(std::string_view host, std::string_view service, std::error_code& ec) {
    const std::string host_text(host);
    const std::string service_text(service.empty() ? "0" : service);
    if (host.find('\0') != std::string_view::npos || service.find('\0') != std::string_view::npos ||
        is_port_out_of_range(service_text)) {
        ec = std::make_error_code(std::errc::invalid_argument);
        return {};
    }
    addrinfo* first = nullptr;
    ec = look_up(host.empty() ? nullptr : host_text.c_str(), service_text.c_str(), first);
    if (ec) return {};
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(first, ::freeaddrinfo);
    ec.clear();
    std::vector<endpoint> result;
    for (const addrinfo* each = first; each != nullptr; each = each->ai_next) {
        socket_address address;
        address.size = std::min<socklen_t>(each->ai_addrlen, sizeof address.storage);
        std::memcpy(&address.storage, each->ai_addr, address.size);
        const endpoint found = to_endpoint(address);
        if (std::find(result.begin(), result.end(), found) == result.end()) result.push_back(found);
    }
    return result;
}

std::vector<endpoint> resolve(std::string_view host, std::string_view service) {
    std::error_code ec;
    std::vector<endpoint> result = resolve(host, service, ec);
    if (ec) throw io_error(ec, "resolve '" + std::string(host) + "', '" + std::string(service) + "'");
    return result;
}

} // namespace weft::net
