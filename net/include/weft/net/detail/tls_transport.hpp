// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/backend/clock.hpp>
#include <weft/net/detail/layered_case.hpp>
#include <weft/net/error.hpp>
#include <weft/net/stream.hpp>

#include <cstddef>
#include <exception>
#include <mutex>
#include <span>
#include <system_error>
#include <utility>

namespace weft::net::detail {

// What TLS asks of the stream that carries it. As the calls of byte_stream, one reader and one writer at a time; write_some has
// sent what it says, also if it fails.
class tls_transport {
public:
    virtual ~tls_transport() = default;
    tls_transport(const tls_transport&) = delete;
    tls_transport& operator=(const tls_transport&) = delete;

    virtual std::size_t read_some(std::span<std::byte> to, std::error_code& ec) = 0;
    virtual std::size_t write_some(std::span<const std::byte> from, std::error_code& ec) = 0;
    // Without effect on one that is not open.
    virtual void set_read_deadline(clock::time_point deadline) noexcept = 0;
    virtual void set_write_deadline(clock::time_point deadline) noexcept = 0;
    // A call would not wait now. False, too, if that cannot be told.
    virtual bool readable_now() = 0;
    virtual bool writable_now() = 0;
    virtual void close(std::error_code& ec) noexcept = 0;
    virtual bool is_open() const noexcept = 0;

protected:
    tls_transport() = default;
};

struct ignored_case {
    void operator()() const noexcept {}
};
using no_case = carried_handler<ignored_case>;

// True if the case of a select would happen now, or throw: closed.
template <class Case>
bool would_happen(Case one) {
    try {
        const std::scoped_lock guard(*one.lock());
        return one.take();
    } catch (const io_error&) {
        return true;
    }
}

template <stream S>
class tls_transport_over final : public tls_transport {
public:
    explicit tls_transport_over(S&& stream) : stream_(std::move(stream)) {}

    S& stream() noexcept { return stream_; }

    std::size_t read_some(std::span<std::byte> to, std::error_code& ec) override {
        return stream_.read_some(to, ec);
    }
    std::size_t write_some(std::span<const std::byte> from, std::error_code& ec) override {
        return stream_.write_some(from, ec);
    }
    void set_read_deadline(clock::time_point deadline) noexcept override {
        if_open([&] { stream_.set_read_deadline(deadline); });
    }
    void set_write_deadline(clock::time_point deadline) noexcept override {
        if_open([&] { stream_.set_write_deadline(deadline); });
    }
    bool readable_now() override {
        if constexpr (requires { on_readable(stream_, no_case{}); })
            return would_happen(on_readable(stream_, no_case{}));
        else
            return false;
    }
    bool writable_now() override {
        if constexpr (requires { on_writable(stream_, no_case{}); })
            return would_happen(on_writable(stream_, no_case{}));
        else
            return false;
    }
    void close(std::error_code& ec) noexcept override { stream_.close(ec); }
    bool is_open() const noexcept override { return stream_.is_open(); }

private:
    // Setting a deadline fails on a stream that is not open alone, which the next read or write will tell.
    template <class F>
    static void if_open(F set) noexcept {
        try {
            set();
        } catch (const std::exception&) {
            return;
        }
    }

    S stream_;
};

} // namespace weft::net::detail
