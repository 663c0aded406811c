// SPDX-License-Identifier: BSL-1.0
#include "bare_socket.hpp"

#include "poller/turn.hpp"

#include <algorithm>

#include <netinet/in.h>
#include <netinet/tcp.h>

namespace weft::net {
namespace {

#ifdef TCP_KEEPIDLE
constexpr int idle_before_probes = TCP_KEEPIDLE;
#else
constexpr int idle_before_probes = TCP_KEEPALIVE; // macOS
#endif

} // namespace

bare_socket make_inet_socket(const endpoint& for_address, int type) noexcept {
    return bare_socket(sys::socket(for_address.is_v6() ? AF_INET6 : AF_INET, type));
}

// A system that refuses one of these still gives a usable connection.
void set_tcp_options(const bare_socket& of, bool nodelay, std::chrono::seconds keepalive) noexcept {
    const int fd = of.number();
    sys::set_option(fd, IPPROTO_TCP, TCP_NODELAY, nodelay ? 1 : 0);
    sys::set_option(fd, SOL_SOCKET, SO_KEEPALIVE, keepalive.count() > 0 ? 1 : 0);
    if (keepalive.count() <= 0) return;
    constexpr std::int64_t longest = 32767; // Linux
    const int seconds = static_cast<int>(std::min<std::int64_t>(keepalive.count(), longest));
    sys::set_option(fd, IPPROTO_TCP, idle_before_probes, seconds);
    sys::set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds);
}

registration* bare_socket::attach(descriptor_traits traits, std::error_code& ec) {
    try {
        registration& attached = registration::attach(fd_, traits);
        fd_ = -1;
        ec.clear();
        return &attached;
    } catch (const std::system_error& error) {
        ec = error.code();
        return nullptr;
    }
}

endpoint local_endpoint(registration* of, std::error_code& ec) noexcept {
    const visit inside(of);
    long result = inside.result();
    socket_address address;
    if (result == outcome::done) result = sys::local_name(of->number(), address.storage, address.size);
    ec = outcome::to_error_code(result);
    return ec ? endpoint() : to_endpoint(address);
}

} // namespace weft::net
