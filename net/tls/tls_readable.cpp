// SPDX-License-Identifier: BSL-1.0
#include "poller/outcome.hpp"
#include "tls/tls_engine.hpp"

#include <weft/net/error.hpp>
#include <weft/net/tls.hpp>

#include <exception>
#include <mutex>

// A select that waits for decrypted bytes.
//
// It looks when the case is made and after each wait (look): takes from the transport what there is, without waiting, and lets OpenSSL
// read it. Nothing of that may be done under the locks of a select, where only the outcome is asked for (take), and where it queues
// (enqueue):
//   in the transport's queue, for what the transport gets. What it has got since the look must not be missed, nor taken for bytes of
//     the user's: the case then ends its own wait at once, and looks again.
//   in the engine's, for what others have taken from the transport. If they have since the look, the same.
// Both nodes name the same wait and the same case, so whichever is claimed first has the wait, and the other one is withdrawn before
// the next look.
//
// If somebody else is about to read from the transport, who will count that, what the transport has is his, and no reason to look.
namespace weft::net::detail {

tls_readable_source::tls_readable_source(source& transport, const tls_byte_stream& of) noexcept
    : source(transport.lock(), transport.rank(), transport.node()),
      transport_(transport),
      engine_(*of.engine_) {
    look();
}

void tls_readable_source::look() const noexcept {
    seen_ = engine_.reads();
    try {
        const tls_engine::readiness found = engine_.look_for_bytes();
        ready_ = found == tls_engine::readiness::ready;
        others_read_ = found == tls_engine::readiness::others_read;
    } catch (const std::exception&) { // no memory, or the transport's; a read will tell
        ready_ = true;
    }
}

bool tls_readable_source::take() {
    if (engine_.closing())
        throw_io_error(
            outcome::to_error_code(queued_ ? outcome::closed_meanwhile : outcome::closed), "on_readable");
    return ready_;
}

void tls_readable_source::enqueue() noexcept {
    queued_ = true;
    const wait_node& mine = node();
    in_engine_.who = mine.who;
    in_engine_.epoch = mine.epoch;
    in_engine_.which = mine.which;
    if ((others_read_ || !transport_is_ready()) && engine_.watch(in_engine_, seen_))
        transport_.enqueue();
    else if (mine.claim())
        mine.who->wake(); // the waiter runs, and is about to park
}

bool tls_readable_source::transport_is_ready() noexcept {
    try {
        return transport_.take();
    } catch (const io_error&) { // closed
        return true;
    }
}

void tls_readable_source::withdraw() noexcept {
    transport_.withdraw();
    engine_.unwatch(in_engine_);
}

// If it is closed, take() tells.
bool tls_readable_source::happened() const noexcept {
    {
        const std::scoped_lock guard(*transport_.lock());
        transport_.withdraw();
    }
    engine_.unwatch(in_engine_);
    look();
    if (ready_) return !engine_.closing();
    static_cast<void>(transport_.happened()); // one that looks for itself, too, does so for the next wait
    return false;
}

} // namespace weft::net::detail
