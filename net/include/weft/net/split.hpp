// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/byte_stream.hpp>
#include <weft/net/readiness.hpp>
#include <weft/waiting/park.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <system_error>
#include <utility>

namespace weft::net {

// The two directions of a stream, each for an owner of its own: a fiber that reads and another that writes. The stream
// is closed when both halves are gone. Calls block, fail and are cancelled as those of the stream; close() is the
// stream's, for both halves. Of a half that was moved from only is_open() may be called.
template <class S>
class read_half {
public:
    std::size_t read_some(std::span<std::byte> to) { return stream_->read_some(to); }
    std::size_t read_some(std::span<std::byte> to, std::error_code& ec) { return stream_->read_some(to, ec); }
    std::size_t read_exactly(std::span<std::byte> to) { return stream_->read_exactly(to); }
    std::size_t read_exactly(std::span<std::byte> to, std::error_code& ec) {
        return stream_->read_exactly(to, ec);
    }
    template <class Deadline>
    void set_read_deadline(Deadline deadline) {
        stream_->set_read_deadline(deadline);
    }
    void close() { stream_->close(); }
    void close(std::error_code& ec) { stream_->close(ec); }
    bool is_open() const noexcept { return stream_ != nullptr && stream_->is_open(); }
    // Both halves of one stream refer to the same.
    S& stream() const noexcept { return *stream_; }

private:
    template <class T>
    friend auto split(T stream);
    explicit read_half(std::shared_ptr<S> stream) noexcept : stream_(std::move(stream)) {}

    std::shared_ptr<S> stream_;
};

// Its end shuts the direction down, for which it may wait a second at most: the peer reads the end of the stream.
template <class S>
class write_half {
public:
    write_half(write_half&&) noexcept = default;
    write_half& operator=(write_half&& other) noexcept {
        if (this != &other) {
            end();
            stream_ = std::move(other.stream_);
        }
        return *this;
    }
    ~write_half() { end(); }

    std::size_t write_some(std::span<const std::byte> from) { return stream_->write_some(from); }
    std::size_t write_some(std::span<const std::byte> from, std::error_code& ec) {
        return stream_->write_some(from, ec);
    }
    template <class Bytes>
    std::size_t write_all(const Bytes& from) {
        return stream_->write_all(from);
    }
    template <class Bytes>
    std::size_t write_all(const Bytes& from, std::error_code& ec) {
        return stream_->write_all(from, ec);
    }
    template <class Deadline>
    void set_write_deadline(Deadline deadline) {
        stream_->set_write_deadline(deadline);
    }
    void shutdown() { stream_->shutdown(direction::send); }
    void shutdown(std::error_code& ec) { stream_->shutdown(direction::send, ec); }
    void close() { stream_->close(); }
    void close(std::error_code& ec) { stream_->close(ec); }
    bool is_open() const noexcept { return stream_ != nullptr && stream_->is_open(); }
    S& stream() const noexcept { return *stream_; }

private:
    template <class T>
    friend auto split(T stream);
    explicit write_half(std::shared_ptr<S> stream) noexcept : stream_(std::move(stream)) {}

    // A stream of TLS may have to wait for room.
    void end() noexcept {
        if (stream_ == nullptr) return;
        const cancellation_shield shield;
        std::error_code already_gone;
        try {
            stream_->set_write_deadline(std::chrono::seconds(1));
        } catch (const std::exception&) {
            return; // closed
        }
        stream_->shutdown(direction::send, already_gone);
    }

    std::shared_ptr<S> stream_;
};

// Throws std::bad_alloc; then the stream is lost.
template <class S>
auto split(S stream) {
    const auto shared = std::make_shared<S>(std::move(stream));
    return std::pair(read_half<S>(shared), write_half<S>(shared));
}

} // namespace weft::net

namespace weft {

template <class S, class Handler>
auto on_readable(const net::read_half<S>& of, Handler handler) {
    return on_readable(of.stream(), std::move(handler));
}
template <class S, class Handler>
auto on_writable(const net::write_half<S>& of, Handler handler) {
    return on_writable(of.stream(), std::move(handler));
}

} // namespace weft
