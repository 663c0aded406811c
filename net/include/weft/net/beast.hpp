// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/cancel_scope.hpp>
#include <weft/cancelled.hpp>
#include <weft/net/byte_stream.hpp>
#include <weft/net/error.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

namespace weft::net {

namespace detail {

// GCC warns of Boost's base, which is not deleted through and has a protected destructor in later versions.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
// A category of std's as one of Boost's.
class foreign_category final : public boost::system::error_category {
public:
    explicit foreign_category(const std::error_category& of) noexcept : of_(of) {}
    const char* name() const noexcept override { return of_.name(); }
    std::string message(int code) const override { return of_.message(code); }
    const std::error_category& original() const noexcept { return of_; }

private:
    const std::error_category& of_;
};
#pragma GCC diagnostic pop

inline const boost::system::error_category& foreign(const std::error_category& of) {
    static std::mutex guard;
    static std::list<foreign_category> known;
    const std::scoped_lock lock(guard);
    for (const foreign_category& each : known)
        if (each.original() == of) return each;
    return known.emplace_back(of);
}

inline boost::system::error_code to_boost(const std::error_code& ec) {
    if (!ec) return {};
    if (ec == errc::eof) return boost::asio::error::eof;
    if (ec == errc::deadline_exceeded) return boost::asio::error::timed_out;
    if (ec.category() == std::system_category()) return {ec.value(), boost::system::system_category()};
    if (ec.category() == std::generic_category()) return {ec.value(), boost::system::generic_category()};
    return {ec.value(), foreign(ec.category())};
}

} // namespace detail

// A weft stream as Boost.Asio's synchronous algorithms and Boost.Beast want it, a SyncReadStream and SyncWriteStream: for
// http::read and http::write, websocket::stream<beast_stream<tcp_stream>>, asio::read_until and the like. Calls block the fiber,
// not its thread, and are cancellation points. S owns the stream; S& refers to one.
//
// Errors: asio::error::eof at the end of the stream, asio::error::timed_out for its deadline, the system's under Boost's
// system_category, others (of TLS, errc::unexpected_eof) under a category of their name. Thread-safe as the stream is, for a reader
// and a writer.
template <class S>
class beast_stream {
public:
    using next_layer_type = std::remove_reference_t<S>;
    using lowest_layer_type = next_layer_type;
    using executor_type = boost::asio::system_executor;

    explicit beast_stream(S stream) noexcept(std::is_nothrow_move_constructible_v<S>)
        : stream_(std::forward<S>(stream)) {}

    next_layer_type& next_layer() noexcept { return stream_; }
    const next_layer_type& next_layer() const noexcept { return stream_; }
    executor_type get_executor() const noexcept { return {}; }

    template <class MutableBuffers>
    std::size_t read_some(const MutableBuffers& buffers, boost::system::error_code& ec) {
        for (auto at = boost::asio::buffer_sequence_begin(buffers);
            at != boost::asio::buffer_sequence_end(buffers); ++at) {
            const boost::asio::mutable_buffer buffer(*at);
            if (buffer.size() == 0) continue;
            std::error_code error;
            const std::size_t size =
                stream_.read_some(std::span(static_cast<std::byte*>(buffer.data()), buffer.size()), error);
            ec = size == 0 && !error ? boost::asio::error::eof : detail::to_boost(error);
            return size;
        }
        ec = {};
        return 0;
    }
    template <class MutableBuffers>
    std::size_t read_some(const MutableBuffers& buffers) {
        boost::system::error_code ec;
        const std::size_t size = read_some(buffers, ec);
        if (ec) throw boost::system::system_error(ec, "read_some");
        return size;
    }

    // Up to sixteen buffers go out in one piece.
    template <class ConstBuffers>
    std::size_t write_some(const ConstBuffers& buffers, boost::system::error_code& ec) {
        std::array<std::span<const std::byte>, 16> pieces;
        std::size_t count = 0;
        for (auto at = boost::asio::buffer_sequence_begin(buffers);
            at != boost::asio::buffer_sequence_end(buffers) && count < pieces.size(); ++at) {
            const boost::asio::const_buffer buffer(*at);
            if (buffer.size() != 0)
                pieces[count++] = {static_cast<const std::byte*>(buffer.data()), buffer.size()};
        }
        std::error_code error;
        const std::size_t size = count <= 1 ? stream_.write_some(pieces[0], error)
                                            : stream_.write_all(std::span(pieces).first(count), error);
        ec = detail::to_boost(error);
        return size;
    }
    template <class ConstBuffers>
    std::size_t write_some(const ConstBuffers& buffers) {
        boost::system::error_code ec;
        const std::size_t size = write_some(buffers, ec);
        if (ec) throw boost::system::system_error(ec, "write_some");
        return size;
    }

private:
    S stream_;
};

template <class S>
beast_stream(S&) -> beast_stream<S&>;
template <class S>
beast_stream(S&&) -> beast_stream<S>;

// How Beast ends the connection below a WebSocket: tells the peer, and waits for its end for at most a second.
template <class S>
void teardown(boost::beast::role_type, beast_stream<S>& of, boost::system::error_code& ec) {
    std::error_code error;
    auto& stream = of.next_layer();
    try {
        with_timeout(std::chrono::seconds(1), [&] {
            stream.shutdown(direction::send, error);
            std::array<std::byte, 512> dropped;
            while (!error && stream.read_some(dropped, error) != 0) continue;
        });
    } catch (const timed_out&) {
        error = errc::deadline_exceeded;
    }
    ec = detail::to_boost(error);
}
// Beast's asynchronous calls name it; a blocking stream has none.
template <class S, class Handler>
void async_teardown(boost::beast::role_type, beast_stream<S>&, Handler&&) = delete;

} // namespace weft::net
