// SPDX-License-Identifier: BSL-1.0
#include <weft/net/endpoint.hpp>

#include <charconv>
#include <cstring>
#include <ostream>
#include <system_error>

#include <arpa/inet.h>
#include <net/if.h>

namespace weft::net {
namespace {

template <class Number>
std::optional<Number> parse_number(std::string_view text) noexcept {
    Number number = 0;
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const auto [stop, error] = std::from_chars(begin, end, number);
    if (error != std::errc() || stop != end) return std::nullopt;
    return number;
}

// What the C functions want: terminated by a zero, and none inside.
template <std::size_t Size>
struct c_text {
    explicit c_text(std::string_view text) noexcept
        : fits(text.size() < Size && text.find('\0') == std::string_view::npos) {
        if (fits) text.copy(characters, text.size());
    }
    char characters[Size] = {};
    bool fits;
};

std::optional<std::uint32_t> parse_scope(std::string_view text) noexcept {
    if (const auto number = parse_number<std::uint32_t>(text)) return number;
    const c_text<IF_NAMESIZE> name(text);
    const unsigned index = name.fits ? ::if_nametoindex(name.characters) : 0;
    return index == 0 ? std::nullopt : std::optional<std::uint32_t>(index);
}

std::optional<endpoint> parse_address(std::string_view ip, std::uint16_t port) noexcept {
    std::uint32_t scope = 0;
    const std::size_t percent = ip.find('%');
    if (percent != std::string_view::npos) {
        const auto parsed = parse_scope(ip.substr(percent + 1));
        if (!parsed) return std::nullopt;
        scope = *parsed;
        ip = ip.substr(0, percent);
    }
    const c_text<INET6_ADDRSTRLEN> text(ip);
    if (!text.fits) return std::nullopt;
    std::array<std::uint8_t, 16> bytes{};
    if (::inet_pton(AF_INET6, text.characters, bytes.data()) == 1) return endpoint::v6(bytes, port, scope);
    if (percent != std::string_view::npos || ::inet_pton(AF_INET, text.characters, bytes.data()) != 1)
        return std::nullopt;
    return endpoint::v4(std::span(bytes).first<4>(), port);
}

[[noreturn]] void throw_malformed(std::string_view text, const char* what) {
    throw std::system_error(
        std::make_error_code(std::errc::invalid_argument), "'" + std::string(text) + "' is not " + what);
}

} // namespace

endpoint::endpoint(std::string_view text) {
    const auto parsed = parse(text);
    if (!parsed) throw_malformed(text, "an endpoint like 127.0.0.1:80 or [::1]:80");
    *this = *parsed;
}

endpoint::endpoint(std::string_view ip, std::uint16_t port) {
    const auto parsed = parse_address(ip, port);
    if (!parsed) throw_malformed(ip, "an IP address");
    *this = *parsed;
}

std::optional<endpoint> endpoint::parse(std::string_view text) noexcept {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
    if (!port) return std::nullopt;
    std::string_view ip = text.substr(0, colon);
    const bool bracketed = ip.size() >= 2 && ip.front() == '[' && ip.back() == ']';
    if (bracketed) ip = ip.substr(1, ip.size() - 2);
    auto parsed = parse_address(ip, *port);
    if (parsed && parsed->is_v6() != bracketed) return std::nullopt;
    return parsed;
}

endpoint endpoint::v4(std::span<const std::uint8_t, 4> bytes, std::uint16_t port) noexcept {
    endpoint made;
    std::memcpy(made.bytes_.data(), bytes.data(), bytes.size());
    made.port_ = port;
    return made;
}

endpoint endpoint::v6(
    std::span<const std::uint8_t, 16> bytes, std::uint16_t port, std::uint32_t scope) noexcept {
    endpoint made;
    std::memcpy(made.bytes_.data(), bytes.data(), bytes.size());
    made.is_v6_ = true;
    made.scope_ = scope;
    made.port_ = port;
    return made;
}

std::string endpoint::address() const {
    char text[INET6_ADDRSTRLEN];
    std::string result = ::inet_ntop(is_v6_ ? AF_INET6 : AF_INET, bytes_.data(), text, sizeof text);
    if (scope_ != 0) result.append("%").append(std::to_string(scope_));
    return result;
}

std::string endpoint::to_string() const {
    std::string result;
    if (is_v6_) result += '[';
    result += address();
    result += is_v6_ ? "]:" : ":";
    return result += std::to_string(port_);
}

std::ostream& operator<<(std::ostream& out, const endpoint& of) { return out << of.to_string(); }

} // namespace weft::net

std::size_t std::hash<weft::net::endpoint>::operator()(const weft::net::endpoint& of) const noexcept {
    std::uint64_t sum = 0xcbf29ce484222325; // FNV-1a
    const auto mix = [&sum](std::uint64_t value) { sum = (sum ^ value) * 0x100000001b3; };
    for (const std::uint8_t byte : of.bytes()) mix(byte);
    mix(of.port());
    mix(of.scope());
    return sum ^ sum >> 32;
}
