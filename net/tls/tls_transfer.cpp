// SPDX-License-Identifier: BSL-1.0
#include "poller/outcome.hpp"
#include "tls/tls_call.hpp"
#include "tls/tls_engine.hpp"

#include <weft/cancelled.hpp>
#include <weft/net/error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <new>

#include <openssl/ssl.h>

namespace weft::net {
namespace {

constexpr std::size_t record = SSL3_RT_MAX_PLAIN_LENGTH;
// What is encrypted before it is sent; not tuned.
constexpr std::size_t records_at_once = 4;
// Answers to a peer that does not read them.
constexpr std::uint64_t most_unsent = std::uint64_t{64} << 10;
constexpr std::chrono::seconds goodbye_time(1);

const std::error_code closed_before = outcome::to_error_code(outcome::closed);
const std::error_code no_more_writes = outcome::to_error_code(-EPIPE);

// The pieces, a record at a time: as they lie there, or, where they are small, one after the other in a buffer.
class plaintext {
public:
    explicit plaintext(std::span<const std::span<const std::byte>> pieces) noexcept : pieces_(pieces) {
        skip_empty();
    }

    bool at_end() const noexcept { return pieces_.empty(); }
    std::span<const std::byte> next() {
        const auto first = pieces_.front().subspan(offset_);
        if (pieces_.size() == 1 || first.size() >= record) return first.first(std::min(first.size(), record));
        if (buffer_ == nullptr) buffer_ = std::make_unique_for_overwrite<std::byte[]>(record);
        std::size_t size = 0, offset = offset_;
        for (const auto piece : pieces_) {
            const auto part = piece.subspan(offset);
            const std::size_t fits = std::min(part.size(), record - size);
            std::copy_n(part.begin(), fits, buffer_.get() + size);
            size += fits;
            offset = 0;
            if (size == record) break;
        }
        return {buffer_.get(), size};
    }
    void advance(std::size_t size) noexcept {
        offset_ += size;
        skip_empty();
    }

private:
    void skip_empty() noexcept {
        while (!pieces_.empty() && offset_ >= pieces_.front().size()) {
            offset_ -= pieces_.front().size();
            pieces_ = pieces_.subspan(1);
        }
    }

    std::span<const std::span<const std::byte>> pieces_;
    std::size_t offset_ = 0; // into the first
    std::unique_ptr<std::byte[]> buffer_;
};

// Which part of the plaintext has gone out for sure: whose last byte of ciphertext has.
class progress {
public:
    void note(std::uint64_t produced, std::size_t plain) noexcept { marks_[count_++] = {produced, plain}; }
    std::size_t sent(std::uint64_t sent, std::size_t before) const noexcept {
        for (std::size_t i = 0; i < count_; ++i)
            if (marks_[i].produced <= sent) before = marks_[i].plain;
        return before;
    }

private:
    struct mark {
        std::uint64_t produced;
        std::size_t plain;
    };
    std::array<mark, records_at_once> marks_{};
    std::size_t count_ = 0;
};

} // namespace

// --- reading

bool tls_engine::answers_pile_up() const noexcept {
    const std::scoped_lock guard(ssl_lock_);
    return bytes_.produced() - sent_.load(std::memory_order_relaxed) > most_unsent;
}

tls_result tls_engine::read(std::span<std::byte> to, bool all) {
    begin_operation();
    if (access_.closing()) return {.error = closed_before};
    const tls_terms terms{.sides = tls_terms::reads};
    const transport_access::hold turn(access_, tls_turn::read, terms);
    tls_result result;
    if (!turn.error() && to.empty()) return result;
    try {
        result.error = turn.error();
        if (!result.error) read_in_turn(to, all, terms, result);
    } catch (cancelled& early) {
        early.set_transferred(result.bytes);
        throw;
    }
    if (result.error && access_.reads_ended() && !access_.closing())
        result = {.bytes = result.bytes, .error = end_of(result, all)};
    return result;
}

std::error_code tls_engine::end_of(const tls_result& so_far, bool all) noexcept {
    if (!all) return {};
    return so_far.bytes == 0 ? errc::eof : errc::unexpected_eof;
}

void tls_engine::read_in_turn(std::span<std::byte> to, bool all, const tls_terms& terms, tls_result& result) {
    result.error = handshake(terms);
    result.in_handshake = static_cast<bool>(result.error);
    while (!result.error && result.bytes < to.size()) {
        result.error = access_.trouble(terms);
        if (result.error) return;
        if (const std::uint64_t fed = fed_.load(std::memory_order_acquire);
            drained_.load(std::memory_order_relaxed) == fed) {
            result.error = fill(fed, terms);
            continue;
        }
        std::size_t size = 0;
        const auto rest = to.subspan(result.bytes);
        const reply said = call([&](SSL* ssl) { return SSL_read_ex(ssl, rest.data(), rest.size(), &size); });
        if (said.to_send) send_if_room();
        switch (said.is) {
        case answer::done:
            result.bytes += size;
            if (!all) return;
            break;
        case answer::wants_input:
            if (said.to_send && answers_pile_up()) result.error = send_all(terms);
            if (!result.error) result.error = fill(said.fed, terms);
            break;
        case answer::ended: result.error = end_of(result, all); return;
        case answer::failed: result.error = said.error; break;
        }
    }
}

// --- writing

template <class F>
std::error_code tls_engine::produce(F f, const tls_terms& terms) {
    for (;;) {
        if (const std::error_code ec = access_.trouble(terms)) return ec;
        const reply said = call(f);
        if (said.is == answer::done) return {};
        if (said.is != answer::wants_input) return said.is == answer::failed ? said.error : no_more_writes;
        // Part of a message has come: OpenSSL wants the rest of it before it writes.
        if (const std::error_code ec = send_all(terms)) return ec;
        if (const std::error_code ec = fill(said.fed, terms)) return ec;
    }
}

std::error_code tls_engine::encrypt(
    std::span<const std::byte> from, const tls_terms& terms, encrypted& done) {
    const auto write = [&](SSL* ssl) {
        const int result = SSL_write_ex(ssl, from.data(), from.size(), &done.plain);
        done.produced = bytes_.produced();
        return result;
    };
    return produce(write, terms);
}

// While it lives, something is being sent; unless it is told that all of it was, nothing more may be.
class tls_engine::sending {
public:
    explicit sending(bool& broken) noexcept : broken_(broken) {}
    ~sending() {
        if (begun_) broken_ = true;
    }
    sending(const sending&) = delete;
    sending& operator=(const sending&) = delete;
    void begun() noexcept { begun_ = true; }
    void done() noexcept { begun_ = false; }

private:
    bool& broken_;
    bool begun_ = false;
};

tls_result tls_engine::write(std::span<const std::span<const std::byte>> pieces, bool all) {
    begin_operation();
    if (access_.closing()) return {.error = closed_before};
    const tls_terms terms{.sides = tls_terms::writes};
    const transport_access::hold turn(access_, tls_turn::write, terms);
    plaintext text(pieces);
    if (turn.error() || text.at_end()) return {.error = turn.error()};
    if (const std::error_code ec = access_.trouble(terms)) return {.error = ec};
    if (const std::error_code ec = handshake(terms)) return {.error = ec, .in_handshake = true};
    if (broken_ || said_goodbye_) return {.error = no_more_writes};

    tls_result result;
    progress marks;
    sending mine(broken_);
    try {
        do {
            std::size_t plain = result.bytes;
            for (std::size_t i = 0; !result.error && !text.at_end() && i < (all ? records_at_once : 1); ++i) {
                encrypted done;
                result.error = encrypt(text.next(), terms, done);
                if (result.error) break;
                mine.begun();
                text.advance(done.plain);
                plain += done.plain;
                marks.note(done.produced, plain);
            }
            if (!result.error) result.error = send_all(terms);
            result.bytes = marks.sent(sent_.load(std::memory_order_relaxed), result.bytes);
            if (result.error) return result;
            marks = {};
            mine.done();
        } while (all && !text.at_end());
    } catch (cancelled& early) {
        early.set_transferred(marks.sent(sent_.load(std::memory_order_relaxed), result.bytes));
        throw;
    }
    return result;
}

// --- ending

namespace {

int write_close_notify(SSL* ssl) noexcept {
    // SSL_shutdown fails in the middle of a message, where SSL_write_ex goes on with it.
    if (SSL_in_init(ssl) == 1)
        if (const int result = SSL_do_handshake(ssl); result <= 0) return result;
    return SSL_shutdown(ssl) >= 0 ? 1 : -1;
}

} // namespace

std::error_code tls_engine::shutdown(direction which) {
    begin_operation();
    if (access_.closing()) return closed_before;
    if (which != direction::send) {
        access_.end_reads();
        count_read();
    }
    if (which == direction::receive) return {};

    const tls_terms terms{.sides = tls_terms::writes};
    const transport_access::hold turn(access_, tls_turn::write, terms);
    if (turn.error()) return turn.error();
    if (const std::error_code ec = handshake(terms)) return ec;
    if (broken_) return no_more_writes;
    if (said_goodbye_) return {};
    if (const std::error_code ec = produce(write_close_notify, terms)) return ec;
    said_goodbye_ = true;
    sending mine(broken_);
    mine.begun();
    if (const std::error_code ec = send_all(terms)) return ec;
    mine.done();
    return {};
}

// Sends close_notify and reads on to the peer's, until the terms' limit; if that has passed, sends it only if there is room.
void tls_engine::say_goodbye(const tls_terms& terms) {
    const transport_access::hold turn(access_, tls_turn::write, terms);
    if (broken_) return;
    const bool late = static_cast<bool>(access_.trouble(terms));
    if (!said_goodbye_) {
        if (late ? call(write_close_notify).is != answer::done : bool(produce(write_close_notify, terms)))
            return;
        said_goodbye_ = true;
    }
    if (late) {
        const tls_terms soon = at_once(true);
        const transport_access::hold output(access_, tls_turn::output, soon);
        while (next_to_send())
            if (!transport_.writable_now() || send_some(soon)) return;
        return;
    }
    if (send_all(terms)) return;
    std::array<std::byte, 4096> dropped; // NOLINT(*-member-init)
    while (!access_.trouble(terms)) {
        std::size_t size = 0;
        const reply said =
            call([&](SSL* ssl) { return SSL_read_ex(ssl, dropped.data(), dropped.size(), &size); });
        if (said.is == answer::done) continue;
        if (said.is != answer::wants_input || fill(said.fed, terms)) return;
    }
}

std::error_code tls_engine::close() {
    const cancellation_shield shield;
    const clock::time_point limit = std::min(
        detail::deadline_after(goodbye_time), access_.deadline_of({.sides = tls_terms::both, .last = true}));
    if (!access_.begin_close()) return closed_before;
    count_read();
    std::error_code ec;
    try {
        if (established()) say_goodbye({.limit = limit, .last = true});
    } catch (const std::bad_alloc&) { // then without
        ec = std::make_error_code(std::errc::not_enough_memory);
    }
    std::error_code of_transport;
    transport_.close(of_transport);
    return of_transport ? of_transport : ec;
}

} // namespace weft::net
