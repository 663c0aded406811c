// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/net/detail/layered_case.hpp>
#include <weft/waiting/source.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace weft::net {

class tls_byte_stream;
class tls_engine;

namespace detail {

// Decrypted bytes, or an end, waited for. Stands in the queue of the transport's own source, whose event may mean that a part of a
// record has come, or nothing for the user: so it is looked into, and the select goes on if there is nothing to be read. Whoever
// else reads from the transport tells when he has done so: net/tls/tls_readable.cpp.
class [[gnu::visibility("default")]] tls_readable_source : public source {
public:
    bool may_be_ready() const noexcept override { return true; }
    bool take() override;
    bool hides_lock() const noexcept override { return transport_.hides_lock(); }
    void enqueue() noexcept override;
    void withdraw() noexcept override;
    bool happened() const noexcept override;
    bool external() const noexcept override { return true; }

protected:
    tls_readable_source(source& transport, const tls_byte_stream& of) noexcept;
    ~tls_readable_source() = default;

private:
    void look() const noexcept;
    bool transport_is_ready() noexcept;

    source& transport_;
    tls_engine& engine_;
    mutable wait_node in_engine_;
    mutable std::uint64_t seen_ = 0; // the engine's count of reads when it was looked into
    mutable bool ready_ = false;
    mutable bool others_read_ = false; // from the transport, just then
    bool queued_ = false;
};

template <class Below, class Handler>
class tls_readable_case final : private case_below<Below>, public tls_readable_source {
public:
    using result = std::invoke_result_t<Handler&>;

    template <class Make>
    tls_readable_case(const tls_byte_stream& of, Make make, Handler handler)
        : case_below<Below>(make),
          tls_readable_source(this->below, of),
          handler_(std::move(handler)) {}
    result run() { return std::invoke(handler_); }

private:
    Handler handler_;
};

} // namespace detail
} // namespace weft::net
