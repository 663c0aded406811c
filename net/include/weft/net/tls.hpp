// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/closable.hpp>
#include <weft/net/detail/layered_case.hpp>
#include <weft/net/detail/tls_readable.hpp>
#include <weft/net/detail/tls_transport.hpp>
#include <weft/net/endpoint.hpp>
#include <weft/net/stream.hpp>
#include <weft/net/stream_interface.hpp>
#include <weft/net/tls_context.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

struct ssl_st;

// TLS, by OpenSSL 3, over any stream: weft::net::tls_client and tls_server make a tls_stream of one.
namespace weft::net {

class tls_engine;

namespace detail {

struct [[gnu::visibility("default")]] tls_transfer {
    std::size_t bytes = 0;
    std::error_code why{};                             // not more
    const tls_engine* failed_to_shake_hands = nullptr; // if that is why

    bool failed() const noexcept { return static_cast<bool>(why); }
    std::error_code error() const noexcept { return why; }
    [[noreturn]] void raise(const char* what) const;
};

} // namespace detail

// What every tls_stream has: the calls that all streams have, for which see stream_interface.hpp and closable.hpp. What is
// different, or in addition:
//
// The first call that needs it makes the handshake, whichever that is; others wait for it. If it fails, that call and all later
// ones fail with its error; one that was cut short by a deadline or cancelled is taken up by the next call, unless it was the
// handshake's own timeout, which stays passed.
//
// An end of the transport without the peer's close_notify is no end of the stream but unexpected_eof: somebody may have cut it.
//
// A write that failed after it had begun to send leaves the peer with part of what was meant: further writes fail with broken_pipe,
// and close() sends no close_notify. Its transferred() counts the bytes whose records went out whole. A read that ended by its
// deadline or was cancelled can be repeated. write_some writes one record, at most 16 KiB.
//
// shutdown(direction::send) sends close_notify after the writes before it, and may wait as a write does; the handshake is made
// before. shutdown(direction::receive): reads, pending ones too, give the end of the stream from now on.
//
// close() ends the calls that wait here, sends close_notify, reads and drops what the peer had still to say until his own end, and
// closes the transport. Waits for that at most a second, or until the deadlines, of which the earlier counts; cannot be cancelled.
// A peer that does not answer is no error. Without a handshake, or after a write that failed, the transport is closed alone, and
// so it is by the destructor: the peer then reads an end that is not one.
//
// The transport belongs to the tls_stream: nobody else reads, writes or closes it, or sets its deadlines.
class [[gnu::visibility("default")]] tls_byte_stream : public closable<tls_byte_stream>,
                                                       public stream_interface<tls_byte_stream> {
public:
    tls_byte_stream(const tls_byte_stream&) = delete;
    tls_byte_stream& operator=(const tls_byte_stream&) = delete;

    // Makes the handshake, if it has not been made. Both deadlines count, and the handshake's timeout. A certificate that is not
    // accepted: an error of tls_verification_category(); what is thrown says why, and for which name.
    void handshake();
    void handshake(std::error_code& ec);

    bool is_open() const noexcept;

    // What was agreed upon; empty, or false, before the handshake is done. Do not wait for the peer.
    std::string alpn() const;
    std::string version() const; // "TLSv1.3"
    std::string cipher() const;  // "TLS_AES_256_GCM_SHA384"
    bool session_reused() const;
    // The peer's certificate; empty: it showed none.
    std::string peer_subject() const;     // "CN=example.org,O=Example"
    std::string peer_fingerprint() const; // SHA-256, 64 hexadecimal digits

    // For what weft does not offer. Not to be used while another call is inside. nullptr: moved from.
    ssl_st* native_handle() const noexcept;

protected:
    tls_byte_stream() noexcept;
    tls_byte_stream(std::unique_ptr<detail::tls_transport> transport, const tls_context& context);
    tls_byte_stream(
        std::unique_ptr<detail::tls_transport> transport, const tls_context& context, std::string_view name);
    tls_byte_stream(tls_byte_stream&&) noexcept;
    tls_byte_stream& operator=(tls_byte_stream&&) noexcept;
    ~tls_byte_stream();

    detail::tls_transport* transport() const noexcept { return transport_.get(); }

private:
    friend class detail::tls_readable_source;
    friend class closable<tls_byte_stream>;
    friend class directed_deadlines<tls_byte_stream>;
    friend class stream_interface<tls_byte_stream>;

    detail::tls_transfer do_read_some(std::span<std::byte> to);
    detail::tls_transfer do_read_exactly(std::span<std::byte> to);
    detail::tls_transfer do_write_some(std::span<const std::byte> from);
    detail::tls_transfer do_write_all(std::span<const std::byte> from);
    detail::tls_transfer do_write_pieces(std::span<const std::span<const std::byte>> pieces);
    std::error_code do_shutdown(direction which);
    std::error_code do_close() noexcept;
    void set_deadlines(clock::time_point deadline, bool of_reads, bool of_writes);

    std::unique_ptr<detail::tls_transport> transport_;
    std::unique_ptr<tls_engine> engine_;
};

// Move-only; one that was moved from is not open.
template <stream S>
class tls_stream : public tls_byte_stream {
public:
    using next_layer_type = S;

    tls_stream() noexcept = default; // not open

    // The transport. Not for one that is moved from.
    S& next_layer() noexcept { return held().stream(); }
    const S& next_layer() const noexcept { return held().stream(); }

    auto local_endpoint() const
        requires requires(const S& stream) { stream.local_endpoint(); }
    {
        return next_layer().local_endpoint();
    }
    auto remote_endpoint() const
        requires requires(const S& stream) { stream.remote_endpoint(); }
    {
        return next_layer().remote_endpoint();
    }

private:
    template <stream T>
    friend tls_stream<T> tls_server(T stream, const tls_context& context);
    template <stream T>
    friend tls_stream<T> tls_client(T stream, const tls_context& context, std::string_view name);

    using transport_type = detail::tls_transport_over<S>;

    tls_stream(S&& stream, const tls_context& context)
        : tls_byte_stream(std::make_unique<transport_type>(std::move(stream)), context) {}
    tls_stream(S&& stream, const tls_context& context, std::string_view name)
        : tls_byte_stream(std::make_unique<transport_type>(std::move(stream)), context, name) {}

    transport_type& held() const noexcept { return static_cast<transport_type&>(*transport()); }
};

// The server's end. Never blocks: the handshake is made by handshake() or by the first call that needs it, but its time runs from
// now. Throws std::logic_error if the context is a client's, io_error (tls_category()) if OpenSSL cannot make one.
template <stream S>
tls_stream<S> tls_server(S stream, const tls_context& context) {
    return {std::move(stream), context};
}

// The client's end; never blocks. The name, a host's name or an IP address, is whom the server must prove to be, and what it is told
// to be asked for. Throws as tls_server; io_error (invalid_argument) for no name, unless the context does not verify.
template <stream S>
tls_stream<S> tls_client(S stream, const tls_context& context, std::string_view name) {
    return {std::move(stream), context, name};
}

namespace detail {

template <stream S>
const S& transport_of(const tls_stream<S>& of, const char* what) {
    if (of.native_handle() == nullptr)
        throw_io_error(std::make_error_code(std::errc::bad_file_descriptor), what);
    return of.next_layer();
}

} // namespace detail
} // namespace weft::net

namespace weft {

// Cases of a select, as those on other streams. Readable: a read would not wait now, decrypted bytes and complete records counted;
// before the handshake is done: part of it has come, so call handshake() first. Writable: the transport has room. Looking into it
// may wait for a reader or writer that just works on a record.
template <net::stream S, class Handler>
auto on_readable(const net::tls_stream<S>& of, Handler handler) {
    const auto of_transport = [&] {
        return on_readable(net::detail::transport_of(of, "on_readable"), net::detail::no_case{});
    };
    return net::detail::tls_readable_case<decltype(of_transport()), Handler>(
        of, of_transport, std::move(handler));
}
template <net::stream S, class Handler>
auto on_writable(const net::tls_stream<S>& of, Handler handler) {
    return on_writable(net::detail::transport_of(of, "on_writable"),
        net::detail::carried_handler<Handler>{std::move(handler)});
}

} // namespace weft
