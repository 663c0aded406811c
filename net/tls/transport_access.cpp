// SPDX-License-Identifier: BSL-1.0
#include "tls/transport_access.hpp"

#include "poller/outcome.hpp"

#include <weft/net/error.hpp>

#include <algorithm>
#include <mutex>

namespace weft::net {
namespace {

constexpr wait_reason for_turn[] = {{"its turn to read from a TLS stream"},
    {"its turn to write to a TLS stream"}, {"a TLS handshake"}, {"its turn to receive for a TLS stream"},
    {"its turn to send for a TLS stream"}};

std::error_code to_error_code(admission::outcome outcome) noexcept {
    switch (outcome) {
    case admission::outcome::admitted: break;
    case admission::outcome::expired: return errc::deadline_exceeded;
    case admission::outcome::dismissed: return outcome::to_error_code(outcome::closed_meanwhile);
    }
    return {};
}

// The closer is not dismissed, and waits as long as the others need to leave.
class nobody final : public admission::party {
    bool dismissed() const noexcept override { return false; }
};
const nobody closer;

class until_terms final : public admission::conditions {
public:
    until_terms(const transport_access& of, const tls_terms& terms) noexcept : of_(of), terms_(terms) {}
    clock::time_point deadline() const noexcept override { return of_.deadline_of(terms_); }

private:
    const transport_access& of_;
    const tls_terms terms_;
};

} // namespace

clock::time_point transport_access::deadline_of(const tls_terms& terms) const noexcept {
    clock::time_point earliest = terms.limit;
    if ((terms.sides & tls_terms::reads) != 0) {
        if (reads_ended() && !terms.last) return clock::time_point::min();
        earliest = std::min(earliest, read_deadline_.load(std::memory_order_relaxed));
    }
    if ((terms.sides & tls_terms::writes) != 0)
        earliest = std::min(earliest, write_deadline_.load(std::memory_order_relaxed));
    return earliest;
}

std::error_code transport_access::trouble(const tls_terms& terms) const noexcept {
    if (closing() && !terms.last) return outcome::to_error_code(outcome::closed_meanwhile);
    const clock::time_point deadline = deadline_of(terms);
    if (deadline != never && clock::now() >= deadline) return errc::deadline_exceeded;
    return {};
}

std::error_code transport_access::enter(
    admission& where, const tls_terms& terms, const wait_reason& reason) const {
    if (terms.last) return to_error_code(where.enter(closer, until_terms(*this, {}), reason));
    return to_error_code(where.enter(*this, until_terms(*this, terms), reason));
}

void transport_access::set_in_shared(bool in) {
    const std::scoped_lock guard(deadlines_);
    in_shared_ = in;
}

std::error_code transport_access::enter_shared(const tls_terms& terms, const wait_reason& reason) {
    class visit {
    public:
        explicit visit(transport_access& of) : of_(of) { of_.set_in_shared(true); }
        ~visit() { of_.set_in_shared(false); }
        visit(const visit&) = delete;
        visit& operator=(const visit&) = delete;

    private:
        transport_access& of_;
    };
    const visit inside(*this);
    return enter(shared_, terms, reason);
}

// Who sets in_shared_ afterwards sees what was changed when he looks at it for the first time.
template <class F>
bool transport_access::change(F f) {
    bool in_shared = false;
    {
        const std::scoped_lock guard(deadlines_);
        if (closing()) return false;
        f();
        tell_both();
        in_shared = in_shared_;
    }
    for (admission& each : turns_) each.look_again(*this);
    if (in_shared) shared_.look_again(*this);
    return true;
}

bool transport_access::set_deadline(clock::time_point deadline, unsigned sides) {
    return change([&] {
        if ((sides & tls_terms::reads) != 0) read_deadline_.store(deadline, std::memory_order_relaxed);
        if ((sides & tls_terms::writes) != 0) write_deadline_.store(deadline, std::memory_order_relaxed);
    });
}

void transport_access::end_reads() {
    change([&] { reads_ended_.store(true, std::memory_order_relaxed); });
}

bool transport_access::begin_close() {
    return change([&] { closing_.store(true, std::memory_order_relaxed); });
}

void transport_access::begin_use(tls_turn direction, const tls_terms& terms) {
    const std::scoped_lock guard(deadlines_);
    use& here = use_of(direction);
    here.going_on = true;
    here.terms = terms;
    tell(direction);
}

void transport_access::end_use(tls_turn direction) {
    const std::scoped_lock guard(deadlines_);
    use_of(direction).going_on = false;
}

void transport_access::tell_both() {
    tell(tls_turn::input);
    tell(tls_turn::output);
}

void transport_access::tell(tls_turn direction) {
    use& here = use_of(direction);
    if (!here.going_on) return;
    const clock::time_point deadline =
        closing() && !here.terms.last ? clock::time_point::min() : deadline_of(here.terms);
    if (here.told && here.deadline == deadline) return;
    here.told = true;
    here.deadline = deadline;
    if (direction == tls_turn::input)
        transport_.set_read_deadline(deadline);
    else
        transport_.set_write_deadline(deadline);
}

transport_access::hold::hold(transport_access& of, tls_turn which, const tls_terms& terms)
    : of_(of),
      which_(which),
      error_(of.enter(of.turn(which), terms, for_turn[static_cast<unsigned>(which)])) {
    if (error_) return;
    if (of.closing() && !terms.last) { // who was called back left it to us
        of.turn(which).leave();
        error_ = outcome::to_error_code(outcome::closed_meanwhile);
    } else if (is_direction(which)) {
        of.begin_use(which, terms);
    }
}

transport_access::hold::hold(transport_access& of, tls_turn which, const tls_terms& terms, std::try_to_lock_t)
    : of_(of),
      which_(which) {
    if (of.closing() || !of.turn(which).try_enter())
        error_ = std::make_error_code(std::errc::operation_would_block);
    else if (is_direction(which))
        of.begin_use(which, terms);
}

transport_access::hold::~hold() {
    if (error_) return;
    if (is_direction(which_)) of_.end_use(which_);
    of_.turn(which_).leave();
}

} // namespace weft::net
