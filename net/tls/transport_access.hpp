// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "tls/admission.hpp"

#include <weft/net/detail/tls_transport.hpp>
#include <weft/sync/mutex.hpp>
#include <weft/waiting/park.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <system_error>

// Who may do what with a TLS stream at a time, and until when.
//
// Purpose. A reader and a writer work at the same time, each with a deadline of his own; but the one may have to send (an
// alert, a refusal) and the other to receive (the rest of a message that came in pieces), and a handshake does both. So the
// transport's directions are turns of their own, beside the turns to read and to write, and whoever has one lends the transport
// the deadline that counts for him.
//
// Turns, outermost first: read or write; handshake; then input or output, of which nobody has both. Hence no cycle: input and output
// are held for the time of transfers alone, which the transport ends by the deadline it was lent.
//
// Who may call. Any fiber or thread.
//
// Deadlines. `deadlines_` guards what the transport has been told: set_deadline stores the new time and tells it at once if its
// direction is in use by somebody whom that time concerns; whoever takes a direction tells it what counts for him. Those who wait
// for a turn are called to look again.
//
// Closing. begin_close sets closing_, then calls back all who wait or use the transport: to that end the transport is told that
// their time has passed. Nobody but the closer (terms::last) is let in any more, and he gets the directions when the others have
// left, which takes no waiting for the peer.
namespace weft::net {

enum class tls_turn : std::uint8_t { read, write, handshake, input, output };

// Whose deadlines count.
struct tls_terms {
    enum : unsigned { none = 0, reads = 1, writes = 2, both = 3 };
    unsigned sides = none;
    clock::time_point limit = never; // beside them
    bool last = false;               // the closer's
};

class transport_access final : public admission::party {
public:
    // shared: where it may wait beside others.
    transport_access(detail::tls_transport& transport, admission& shared) noexcept
        : transport_(transport),
          shared_(shared) {}

    // False: closed.
    bool set_deadline(clock::time_point deadline, unsigned sides);
    // What waits for the sake of reading has come to its end.
    void end_reads();
    bool reads_ended() const noexcept { return reads_ended_.load(std::memory_order_relaxed); }
    // False: somebody else did.
    bool begin_close();
    bool closing() const noexcept { return closing_.load(std::memory_order_relaxed); }

    clock::time_point deadline_of(const tls_terms& terms) const noexcept;
    // Why a call on these terms cannot go on.
    std::error_code trouble(const tls_terms& terms) const noexcept;
    // Waits for a place in what is shared. One call at a time. May throw `cancelled`.
    std::error_code enter_shared(const tls_terms& terms, const wait_reason& reason);

    // Has a turn while it lives, if error() is none.
    class hold {
    public:
        // Waits for it. May throw `cancelled`.
        hold(transport_access& of, tls_turn which, const tls_terms& terms);
        // If it is free; else error() is operation_would_block.
        hold(transport_access& of, tls_turn which, const tls_terms& terms, std::try_to_lock_t);
        ~hold();
        hold(const hold&) = delete;
        hold& operator=(const hold&) = delete;

        const std::error_code& error() const noexcept { return error_; }

    private:
        transport_access& of_;
        tls_turn which_;
        std::error_code error_;
    };

private:
    bool dismissed() const noexcept override { return closing(); }

    // A direction of the transport.
    struct use {
        bool going_on = false;
        tls_terms terms;
        bool told = false;
        clock::time_point deadline; // that it was told
    };
    static bool is_direction(tls_turn which) noexcept { return which >= tls_turn::input; }
    admission& turn(tls_turn which) noexcept { return turns_[static_cast<unsigned>(which)]; }
    use& use_of(tls_turn direction) noexcept { return uses_[direction == tls_turn::output ? 1 : 0]; }

    std::error_code enter(admission& where, const tls_terms& terms, const wait_reason& reason) const;
    void begin_use(tls_turn direction, const tls_terms& terms);
    void end_use(tls_turn direction);
    void tell(tls_turn direction);
    void tell_both();
    // f() changes what waits depend on; whoever waits looks at it anew. False, and nothing changes: closed.
    template <class F>
    bool change(F f);
    void set_in_shared(bool in);

    detail::tls_transport& transport_;
    admission& shared_;
    admission turns_[5]{admission(1), admission(1), admission(1), admission(1), admission(1)};
    std::atomic<clock::time_point> read_deadline_{never}, write_deadline_{never};
    std::atomic<bool> closing_{false}, reads_ended_{false};
    mutex deadlines_;
    use uses_[2]; // guarded by deadlines_
    bool in_shared_ =
        false; // guarded by deadlines_: else the shared queue, maybe a long one, need not be searched
};

} // namespace weft::net
