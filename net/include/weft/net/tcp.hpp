// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/byte_stream.hpp>
#include <weft/net/endpoint.hpp>
#include <weft/net/on_accept.hpp>

#include <chrono>
#include <optional>
#include <string_view>
#include <system_error>

namespace weft::net {

struct connect_options {
    std::chrono::nanoseconds timeout =
        std::chrono::nanoseconds::max(); // for all addresses of a name together
    std::optional<endpoint> local{};     // to be bound before
    bool nodelay = true;                 // no waiting for more before small packets are sent
    std::chrono::seconds keepalive{
        15}; // how long a connection may be silent before the peer is asked; 0: never asked
};

struct listen_options {
    int backlog = 0; // connections that wait to be accepted; 0: as many as the system allows
    bool reuse_port =
        false; // others that say so, too, may listen on the same port; the system spreads the connections
    bool ipv6_only = false; // on an IPv6 address: no IPv4 peers
};

class [[gnu::visibility("default")]] tcp_stream : public byte_stream {
public:
    tcp_stream() noexcept = default; // not open

    // "host:port", the host a name or an address, IPv6 addresses in brackets; or an endpoint. Blocks the
    // fiber (or thread) until there is a connection; of a name's addresses the first that answers is taken, the
    // families in turns and each a quarter of a second after the one before (RFC 8305). A cancellation point. Errors: io_error that names what was to be reached; errc::deadline_exceeded after the timeout; invalid_argument for malformed text;
    // those of resolve(). The form with an error_code then gives a stream that is not open.
    static tcp_stream connect(std::string_view address, const connect_options& options = {});
    static tcp_stream connect(std::string_view address, const connect_options& options, std::error_code& ec);
    static tcp_stream connect(std::string_view address, std::error_code& ec);
    static tcp_stream connect(const endpoint& address, const connect_options& options = {});
    static tcp_stream connect(const endpoint& address, const connect_options& options, std::error_code& ec);
    static tcp_stream connect(const endpoint& address, std::error_code& ec);

    // Never block. The remote one is still known after the peer has gone.
    endpoint local_endpoint() const;
    endpoint local_endpoint(std::error_code& ec) const;
    endpoint remote_endpoint() const;
    endpoint remote_endpoint(std::error_code& ec) const;

private:
    friend class tcp_listener;
    tcp_stream(registration& of, const endpoint& remote) noexcept : byte_stream(of), remote_(remote) {}
    static tcp_stream connect_until(clock::time_point deadline, const endpoint& address,
        const connect_options& options, std::error_code& ec);

    endpoint remote_;
};

// Accepted streams have the options that a connected one has by default.
class [[gnu::visibility("default")]] tcp_listener : public pollable {
public:
    tcp_listener() noexcept = default; // not open

    // "address:port", port 0 for a free one, an empty address for all of this machine; or an endpoint. Never
    // blocks, but for the look-up of a name. Errors as those of connect.
    static tcp_listener listen(std::string_view address, const listen_options& options = {});
    static tcp_listener listen(std::string_view address, const listen_options& options, std::error_code& ec);
    static tcp_listener listen(std::string_view address, std::error_code& ec);
    static tcp_listener listen(const endpoint& address, const listen_options& options = {});
    static tcp_listener listen(const endpoint& address, const listen_options& options, std::error_code& ec);
    static tcp_listener listen(const endpoint& address, std::error_code& ec);

    // Blocks the fiber (or thread) until there is a connection. A cancellation point. What went wrong with
    // one peer alone is no error. too_many_files_open: there was no descriptor to be had; the connection goes
    // on waiting, and a later call gets it; so it does after no_buffer_space and not_enough_memory, unless there was
    // none for the poller, which has no_space_on_device, too: then the connection is closed. Otherwise as the calls
    // of byte_stream. The form with an error_code then gives a stream that is not open.
    tcp_stream accept();
    tcp_stream accept(std::error_code& ec);

    endpoint local_endpoint() const;
    endpoint local_endpoint(std::error_code& ec) const;

private:
    template <class Listener, class Handler>
    friend class detail::accept_case;
    explicit tcp_listener(registration& of) noexcept : pollable(of) {}
    static tcp_stream open(detail::accept_source& from);
};

} // namespace weft::net
