// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "tls/ciphertext.hpp"
#include "tls/context_state.hpp"
#include "tls/tls_error.hpp"
#include "tls/transport_access.hpp"

#include <weft/net/stream_interface.hpp>
#include <weft/sync/mutex.hpp>
#include <weft/waiting/spin_lock.hpp>
#include <weft/waiting/wait_queue.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

struct ssl_st;

// One TLS connection over a transport.
//
// Purpose. OpenSSL is a machine that never waits: it is fed with what came, gives what is to be sent, and says when it wants more.
// All waiting is done outside of it, by the fiber that needs something.
//
// Who may call. Any fiber or thread, at the same time; who takes turns with whom: transport_access.hpp.
//
// The lock of the SSL object, ssl_lock_, is held for one call of OpenSSL and what it reads and writes in memory (call), never
// across a transfer or a park. Such a call takes from a microsecond to some milliseconds (a signature): too long to spin for, hence
// a weft::mutex. OpenSSL's error queue is emptied before and after, under the lock: tls_error.hpp.
//
// Receiving. Who is told that OpenSSL wants more takes the turn of input (fill). If something came since he was told
// (`fed_` has changed), that was somebody else's doing, who may have been served by it, too: he asks OpenSSL again. So a reader and a
// writer that wait for the same message receive it once, whoever of them is the one that does it.
//
// To ask OpenSSL in vain costs a tenth of a small request. So each call notes in drained_ whether a read would want more, as
// of which fed_; a reader who finds both equal takes the turn of input at once.
//
// Sending. What OpenSSL wants sent lies in bytes_, in order, until whoever has the turn of output moves it to sending_ and sends it.
// What a transfer that failed has left there is sent first by the next one, so nothing is ever lost or out of order.
//   A writer, or who makes the handshake, takes the turn and waits until all is sent (send_all).
//   A reader must not wait for room to send: two peers that both did, with all buffers full, would wait for ever. He sends as much
//   as there is room for, if nobody else is sending (send_if_room), and leaves the rest to the next writer, which the protocol
//   allows. Who has had the turn looks once more for what came meanwhile, after giving it back. A peer that asks and asks without
//   reading the answers is waited for once they are many.
//
// Selects. A select on on_readable waits in the transport's queue, and in watchers_ for those who take from the transport what it
// was to wait for: whoever has had the turn of input counts reads_ up, under watch_lock_, and wakes them.
//
// Failure. failed_, under ssl_lock_: OpenSSL found the connection broken, all further calls tell it. broken_, of the turn to
// write: a write ended in the middle.
namespace weft::net {

struct tls_result {
    std::size_t bytes = 0;
    std::error_code error{};
    bool in_handshake = false; // it was the handshake that failed
};

class tls_engine {
public:
    // For a client, the name of whom it wants to talk to.
    tls_engine(
        detail::tls_transport& transport, std::shared_ptr<tls_context_state> context, std::string_view name);
    ~tls_engine();
    tls_engine(const tls_engine&) = delete;
    tls_engine& operator=(const tls_engine&) = delete;

    std::error_code handshake();
    tls_result read(std::span<std::byte> to, bool all);
    tls_result write(std::span<const std::span<const std::byte>> pieces, bool all);
    std::error_code shutdown(direction which);
    std::error_code close();
    bool closing() const noexcept { return access_.closing(); }
    bool is_open() const noexcept { return !access_.closing() && transport_.is_open(); }
    // False: closed.
    bool set_deadline(clock::time_point deadline, unsigned sides) {
        return access_.set_deadline(deadline, sides);
    }

    // "TLS handshake with 'name'"
    std::string handshake_text() const;
    ssl_st* ssl() const noexcept { return ssl_.get(); }
    // f(ssl) under the lock, once the handshake is done; else a value made of nothing.
    template <class F>
    auto look(F f) const -> decltype(f(ssl())) {
        if (!established()) return {};
        const std::scoped_lock guard(ssl_lock_);
        const openssl_errors ours;
        return f(ssl());
    }
    bool established() const noexcept { return established_.load(std::memory_order_acquire); }

    // For selects.
    enum class readiness : std::uint8_t { ready, not_yet, others_read };
    // Whether a read would not wait; takes what the transport has.
    readiness look_for_bytes();
    std::uint64_t reads() noexcept;
    // Queues the node, unless reads() is not what it was any more: false.
    bool watch(wait_node& node, std::uint64_t seen) noexcept;
    void unwatch(wait_node& node) noexcept;

    // By OpenSSL, within a call.
    static tls_engine* of(ssl_st* ssl) noexcept;
    void session_came(session_ptr session) noexcept { new_session_ = std::move(session); }

private:
    struct free_ssl {
        void operator()(ssl_st* ssl) const noexcept;
    };
    enum class answer : std::uint8_t { done, wants_input, ended, failed };
    struct reply {
        answer is;
        std::error_code error{};
        std::uint64_t fed = 0; // as of the call
        bool to_send = false;
    };

    // One call of OpenSSL; f(ssl) gives more than 0 for success, as all of OpenSSL's do.
    template <class F>
    reply call(F f);
    reply judge(int result);
    bool would_want_input(const reply& said) const noexcept;

    clock::time_point handshake_deadline() const noexcept; // of one that begins now
    std::error_code handshake(const tls_terms& terms);
    std::error_code make_handshake(const tls_terms& terms);
    // For a transfer that need not wait, as far as can be seen, but may have to after all, if the peer of a pipe gives up.
    static tls_terms at_once(bool last = false) noexcept;
    std::error_code fill(std::uint64_t seen, const tls_terms& terms);
    std::error_code receive(const tls_terms& terms); // with the turn of input
    std::error_code send_all(const tls_terms& terms);
    std::error_code send_some(const tls_terms& terms); // with the turn of output
    void send_if_room();
    bool next_to_send();
    bool answers_pile_up() const noexcept;
    std::error_code closed_or(std::error_code error, const tls_terms& terms) const noexcept;
    void count_read() noexcept;

    void read_in_turn(std::span<std::byte> to, bool all, const tls_terms& terms, tls_result& result);
    static std::error_code end_of(const tls_result& so_far, bool all) noexcept;

    class sending;
    struct encrypted {
        std::size_t plain = 0;      // bytes taken
        std::uint64_t produced = 0; // bytes_.produced() after it
    };
    // With the turn to write: f(ssl) has something written.
    template <class F>
    std::error_code produce(F f, const tls_terms& terms);
    std::error_code encrypt(std::span<const std::byte> from, const tls_terms& terms, encrypted& done);
    void say_goodbye(const tls_terms& terms);

    detail::tls_transport& transport_;
    const std::shared_ptr<tls_context_state> context_;
    std::string name_; // of a client's peer
    transport_access access_;
    clock::time_point handshake_deadline_; // a client's: of the turn of the handshake

    mutable mutex ssl_lock_;
    ciphertext bytes_; // outlives the SSL object, whose BIO is on it
    std::unique_ptr<ssl_st, free_ssl> ssl_;
    std::error_code failed_;
    bool input_ended_ = false; // the transport's
    session_ptr new_session_;
    std::atomic<std::uint64_t> fed_{0};
    static constexpr std::uint64_t not_drained = ~std::uint64_t{0};
    std::atomic<std::uint64_t> drained_{not_drained}; // stored under ssl_lock_
    std::atomic<bool> established_{false};
    std::atomic<bool> unsent_{false}; // bytes_.has_outgoing(), to be looked at without the lock

    // Of the turn of output.
    std::vector<std::byte> sending_;
    std::size_t sent_of_it_ = 0;
    std::atomic<std::uint64_t> sent_{0};

    // Of the turn of input: the last transfer filled the room there was.
    bool much_comes_ = false;

    // Of the turn to write.
    bool broken_ = false;
    bool said_goodbye_ = false;

    spin_lock watch_lock_;
    wait_queue watchers_;
    std::uint64_t reads_ = 0;
};

} // namespace weft::net
