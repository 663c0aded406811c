// SPDX-License-Identifier: BSL-1.0
#include "socket_address.hpp"

#include <weft/blocking.hpp>
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

struct free_addresses {
    void operator()(addrinfo* first) const noexcept { ::freeaddrinfo(first); }
};
struct found {
    std::unique_ptr<addrinfo, free_addresses> addresses;
    std::error_code error;
};

// In a function of its own, since errno is another one after a migration.
[[gnu::noinline]] found look_up(const std::string& host, const std::string& service, int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* first = nullptr;
    const int result = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), service.c_str(), &hints, &first);
    if (result == EAI_SYSTEM) return {nullptr, {errno, std::system_category()}};
    return {std::unique_ptr<addrinfo, free_addresses>(first), {result, resolve_category()}};
}

bool is_number(const std::string& service) {
    return service.find_first_not_of("0123456789") == std::string::npos;
}

// What needs no file and no name server is looked up on the spot.
found look_up(const std::string& host, const std::string& service) {
    const int numeric = (host.empty() ? 0 : AI_NUMERICHOST) | AI_NUMERICSERV;
    if (is_number(service))
        if (found here = look_up(host, service, numeric);
            here.error != std::error_code(EAI_NONAME, resolve_category()))
            return here;
    return blocking([host, service] { return look_up(host, service, 0); });
}

// getaddrinfo takes only the low 16 bits of a number.
bool is_port_out_of_range(const std::string& service) {
    return !service.empty() && is_number(service) && (service.size() > 9 || std::stoul(service) > 65535);
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
    const found answer = look_up(host_text, service_text);
    ec = answer.error;
    if (ec) return {};
    ec.clear();
    std::vector<endpoint> result;
    for (const addrinfo* each = answer.addresses.get(); each != nullptr; each = each->ai_next) {
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
