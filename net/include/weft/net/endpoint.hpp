// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weft::net {

// An IP address and a port. A value; the default one is 0.0.0.0:0. Never blocks.
class [[gnu::visibility("default")]] endpoint {
public:
    endpoint() noexcept = default;
    // "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80": numbers, no names. Other text: std::system_error
    // (invalid_argument) that quotes it.
    explicit endpoint(std::string_view text);
    endpoint(std::string_view ip, std::uint16_t port);
    static std::optional<endpoint> parse(std::string_view text) noexcept;
    // The address in network order. The scope is the number of the interface of a link-local address.
    static endpoint v4(std::span<const std::uint8_t, 4> bytes, std::uint16_t port) noexcept;
    static endpoint v6(
        std::span<const std::uint8_t, 16> bytes, std::uint16_t port, std::uint32_t scope = 0) noexcept;

    std::string address() const; // without brackets
    std::uint16_t port() const noexcept { return port_; }
    bool is_v6() const noexcept { return is_v6_; }
    std::span<const std::uint8_t> bytes() const noexcept { return {bytes_.data(), is_v6_ ? 16U : 4U}; }
    std::uint32_t scope() const noexcept { return scope_; }
    std::string to_string() const; // as the constructor reads it

    friend bool operator==(const endpoint&, const endpoint&) noexcept = default;
    // IPv4 first, then by address, then by port.
    friend std::strong_ordering operator<=>(const endpoint&, const endpoint&) noexcept = default;

private:
    bool is_v6_ = false;
    std::array<std::uint8_t, 16> bytes_{};
    std::uint32_t scope_ = 0;
    std::uint16_t port_ = 0;
};

[[gnu::visibility("default")]] std::ostream& operator<<(std::ostream& out, const endpoint& of);

} // namespace weft::net

template <>
struct [[gnu::visibility("default")]] std::hash<weft::net::endpoint> {
    std::size_t operator()(const weft::net::endpoint& of) const noexcept;
};
