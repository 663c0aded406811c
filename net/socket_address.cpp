// SPDX-License-Identifier: BSL-1.0
#include "socket_address.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace weft::net {

socket_address to_socket_address(const endpoint& of) noexcept {
    socket_address result;
    if (of.is_v6()) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(of.port());
        v6.sin6_scope_id = of.scope();
        std::memcpy(&v6.sin6_addr, of.bytes().data(), sizeof v6.sin6_addr);
        std::memcpy(&result.storage, &v6, sizeof v6);
        result.size = sizeof v6;
    } else {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(of.port());
        std::memcpy(&v4.sin_addr, of.bytes().data(), sizeof v4.sin_addr);
        std::memcpy(&result.storage, &v4, sizeof v4);
        result.size = sizeof v4;
    }
    return result;
}

endpoint to_endpoint(const socket_address& of) noexcept {
    if (of.storage.ss_family == AF_INET) {
        sockaddr_in v4;
        std::memcpy(&v4, &of.storage, sizeof v4);
        std::array<std::uint8_t, 4> bytes;
        std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
        return endpoint::v4(bytes, ntohs(v4.sin_port));
    }
    if (of.storage.ss_family != AF_INET6) return {};
    sockaddr_in6 v6;
    std::memcpy(&v6, &of.storage, sizeof v6);
    std::array<std::uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
        return endpoint::v4(std::span(bytes).last<4>(), ntohs(v6.sin6_port));
    return endpoint::v6(bytes, ntohs(v6.sin6_port), v6.sin6_scope_id);
}

namespace {
constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);
}

socket_address to_socket_address(std::string_view path, std::error_code& ec) noexcept {
    ec.clear();
    const bool in_file_system = path.substr(0, 1) != "@";
    if (path.empty() || path.find('\0') != std::string_view::npos)
        ec = std::make_error_code(std::errc::invalid_argument);
    if (path.size() + (in_file_system ? 1 : 0) > sizeof(sockaddr_un::sun_path))
        ec = std::make_error_code(std::errc::filename_too_long);
    socket_address result;
    if (ec) return result;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    if (!in_file_system) address.sun_path[0] = '\0';
    std::memcpy(&result.storage, &address, sizeof address);
    result.size = static_cast<socklen_t>(path_offset + path.size() + (in_file_system ? 1 : 0));
    return result;
}

std::string to_path(const socket_address& of) {
    if (of.storage.ss_family != AF_UNIX || of.size <= path_offset) return {};
    sockaddr_un address;
    std::memcpy(&address, &of.storage, sizeof address);
    std::string path(address.sun_path, std::min<std::size_t>(of.size - path_offset, sizeof address.sun_path));
    if (path.front() == '\0') {
        path.front() = '@';
    } else if (const std::size_t end = path.find('\0'); end != std::string::npos) {
        path.resize(end);
    }
    return path;
}

} // namespace weft::net
