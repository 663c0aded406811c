// SPDX-License-Identifier: BSL-1.0
#include "fuzz/fuzzed.hpp"

#include <weft/net/error.hpp>
#include <weft/net/framed.hpp>

#include <optional>
#include <vector>

// framed against the plainest way to cut a string into frames, and to make frames of strings.
namespace weft::fuzz {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct answer {
    bool decided = false;
    std::optional<std::string> frame = std::nullopt;
    std::error_code error = {};
    std::size_t consumed = 0;
};

answer frame_of(std::string_view come, bool ended, std::size_t limit, std::size_t header) {
    if (come.empty() && ended) return {true};
    const answer unfinished = ended ? answer{true, {}, net::errc::unexpected_eof, 0} : answer{};
    if (come.size() < header) return unfinished;
    std::uint64_t length = 0;
    for (const char each : come.substr(0, header)) length = length * 256 + static_cast<unsigned char>(each);
    if (length > limit) return {true, {}, net::errc::message_too_long, 0};
    if (come.size() - header < length) return unfinished;
    return {true, std::string(come.substr(header, length)), {}, header + length};
}

template <class Length>
void read_all(input& from) {
    const std::string_view text = from.data();
    const unsigned choice = from.next();
    const std::size_t limit = choice == 255 ? static_cast<std::size_t>(-1) : choice * 20;
    // As framed does: there are lengths that no frame can have.
    const std::size_t most = std::min(limit, static_cast<std::size_t>(-1) / 2 - sizeof(Length));
    stream below(from, text);
    net::framed<net::length_prefix<Length>, stream&> messages(below, limit);
    std::size_t consumed = 0;
    const auto come = [&] { return text.substr(consumed, below.given() - consumed); };
    below.on_read = [&] {
        check(!frame_of(come(), false, most, sizeof(Length)).decided, "a read was needed");
        check(!messages.read_would_not_wait(), "it waits");
    };
    for (bool over = false; !over;) {
        check(messages.read_would_not_wait() == frame_of(come(), false, most, sizeof(Length)).decided,
            "it waits or not");
        std::error_code ec;
        const auto got = insist(ec, [&](std::error_code& error) { return messages.read(error); });
        const answer right = frame_of(text.substr(consumed), true, most, sizeof(Length));
        check(ec == right.error, "the error");
        check(got.has_value() == right.frame.has_value(), "a frame, or the end");
        check(!got || text_of(*got) == *right.frame, "the frame");
        consumed += right.consumed;
        over = right.consumed == 0;
    }
}

template <class Length>
void write_all(input& from) {
    const std::size_t limit = from.next() * 3;
    stream below(from, "");
    net::framed<net::length_prefix<Length>, stream&> messages(below, limit);
    std::string right;
    bool torn = false;
    while (from.has_more()) {
        const std::string_view payload = std::string_view(from.data()).substr(0, from.next() * 3);
        std::string frame;
        for (std::size_t i = sizeof(Length); i-- > 0;)
            frame += static_cast<char>(static_cast<std::uint64_t>(payload.size()) >> 8 * i);
        frame += payload;
        const bool fits = payload.size() <= limit && payload.size() <= static_cast<Length>(-1);
        std::error_code ec;
        bool interrupted = false;
        try {
            messages.write(std::as_bytes(std::span(payload)), ec);
            if (!fits)
                check(ec == net::errc::message_too_long, "too long");
            else if (torn)
                check(ec == std::errc::broken_pipe, "nothing follows half a frame");
            interrupted = ec == trouble;
            check(!ec || !fits || torn || interrupted, "no other error");
        } catch (const cancelled&) {
            interrupted = true;
        }
        check(!interrupted || (fits && !torn), "only what is sent is interrupted");
        if (interrupted) {
            const std::string_view part = std::string_view(below.written).substr(right.size());
            check(frame.starts_with(part) && part != frame, "a part of the frame");
            torn = !part.empty();
            right += part;
        } else if (fits && !torn) {
            right += frame;
        }
        check(below.written == right, "what was sent");
    }
}

template <class Length>
void one_of_both(input& from, bool writes) {
    writes ? write_all<Length>(from) : read_all<Length>(from);
}

} // namespace
} // namespace weft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    weft::fuzz::input from({bytes, size});
    const unsigned kind = from.next();
    const bool writes = kind % 16 >= 12;
    switch (kind % 4) {
    case 0: weft::fuzz::one_of_both<std::uint8_t>(from, writes); break;
    case 1: weft::fuzz::one_of_both<std::uint16_t>(from, writes); break;
    case 2: weft::fuzz::one_of_both<std::uint32_t>(from, writes); break;
    case 3: weft::fuzz::one_of_both<std::uint64_t>(from, writes); break;
    }
    return 0;
}
