// SPDX-License-Identifier: BSL-1.0
#include "fuzz/fuzzed.hpp"

#include <weft/net/buffered.hpp>
#include <weft/net/error.hpp>

#include <array>
#include <optional>

// buffered_reader and buffered_writer against strings that are cut and joined in the plainest way.
namespace weft::fuzz {
namespace {

using net::errc;

constexpr std::array<std::string_view, 5> delimiters = {";", "\r\n\r\n", "aab", "aaaa", "\n"};
constexpr auto npos = std::string_view::npos;

// What a call gives in the end, if `come` is what has come and not been asked for: unset, if that is not enough to say.
struct answer {
    bool decided = false;
    std::optional<std::string> text = std::nullopt;
    std::error_code error = {};
    std::size_t consumed = 0;
};
constexpr auto too_long = errc::message_too_long;

answer line_of(std::string_view come, bool ended, std::size_t limit) {
    const std::size_t end = come.find('\n');
    std::string line(come.substr(0, end));
    const bool open = end == npos && !ended;
    if ((end != npos || open) && line.ends_with('\r')) line.pop_back();
    if (line.size() > limit) return {true, {}, too_long, 0};
    if (open) return {};
    if (come.empty()) return {true};
    return {true, line, {}, end == npos ? come.size() : end + 1};
}

answer text_before(std::string_view come, bool ended, std::size_t limit, std::string_view delimiter) {
    // Where the delimiter begins, or may begin.
    for (std::size_t at = 0; at <= std::min(limit, come.size()); ++at) {
        const std::string_view rest = come.substr(at);
        if (rest.starts_with(delimiter))
            return {true, std::string(come.substr(0, at)), {}, at + delimiter.size()};
        if (!delimiter.starts_with(rest)) continue;
        if (!ended) return {};
        return come.empty() ? answer{true} : answer{true, {}, errc::unexpected_eof, 0};
    }
    return {true, {}, too_long, 0};
}

answer exactly(std::string_view come, bool ended, std::size_t size) {
    if (come.size() >= size) return {true, std::string(come.substr(0, size)), {}, size};
    if (!ended) return {};
    return {true, {}, come.empty() ? errc::eof : errc::unexpected_eof, 0};
}

void read_all(input& from) {
    const std::size_t limit = from.next();
    std::string incoming = from.data();
    for (unsigned times = from.next() % 32; times > 1; --times) incoming += from.data(); // for large reads
    const std::string_view text = incoming;
    const std::string_view delimiter = delimiters[from.next() % delimiters.size()];
    stream below(from, text);
    net::buffered_reader reader(below, limit);
    std::size_t consumed = 0;

    // expected(come, ended) gives the answer, call(ec) does the same.
    const auto compare = [&](auto expected, auto call) {
        below.on_read = [&] {
            check(!expected(text.substr(consumed, below.given() - consumed), false).decided,
                "a read was needed");
        };
        std::error_code ec;
        const std::optional<std::string> got = insist(ec, [&](std::error_code& error) {
            check(
                reader.buffered() == below.given() - consumed, "what a call cut short had read is buffered");
            return call(error);
        });
        const answer right = expected(text.substr(consumed), true);
        check(ec == right.error, "the error");
        check(got == right.text, "the text");
        consumed += right.consumed;
        check(reader.buffered() == below.given() - consumed, "the rest is buffered");
    };
    const auto into = [](std::size_t size, auto read) {
        return [size, read](std::error_code& ec) -> std::optional<std::string> {
            std::string to(size, '\0');
            to.resize(read(std::as_writable_bytes(std::span(to)), ec));
            return ec ? std::nullopt : std::optional(to);
        };
    };
    while (from.has_more()) {
        const unsigned operation = from.next();
        const std::size_t size = operation / 4 * (operation % 8 < 4 ? 1 : 300);
        switch (operation % 4) {
        case 0:
            compare([&](auto come, bool ended) { return line_of(come, ended, limit); },
                [&](std::error_code& ec) { return reader.read_line(ec); });
            break;
        case 1:
            compare([&](auto come, bool ended) { return text_before(come, ended, limit, delimiter); },
                [&](std::error_code& ec) { return reader.read_until(delimiter, ec); });
            break;
        case 2:
            compare([&](auto come, bool ended) { return exactly(come, ended, size); },
                into(size, [&](auto to, std::error_code& ec) { return reader.read_exactly(to, ec); }));
            break;
        case 3: {
            below.on_read = [&] { check(reader.buffered() == 0, "a read was needed"); };
            std::error_code ec;
            const auto got =
                insist(ec, into(size, [&](auto to, auto& error) { return reader.read_some(to, error); }));
            check(!ec && got && got->size() <= size, "some bytes");
            check(text.substr(consumed).starts_with(*got), "these bytes");
            check(!got->empty() || size == 0 || consumed == text.size(), "no end before the end");
            consumed += got->size();
            check(reader.buffered() == below.given() - consumed, "the rest is buffered");
        }
        }
    }
}

void write_all(input& from) {
    const std::size_t capacity = from.next();
    stream below(from, "");
    std::string taken;
    {
        net::buffered_writer writer(below, capacity);
        while (from.has_more()) {
            const unsigned operation = from.next();
            const std::string_view piece = std::string_view(from.data()).substr(0, operation / 2 * 3);
            std::error_code ec;
            try {
                if (operation % 2 == 0) {
                    writer.flush(ec);
                    check(ec || writer.buffered() == 0, "all is flushed");
                } else {
                    const std::size_t count = writer.write_all(std::as_bytes(std::span(piece)), ec);
                    check(count == piece.size() || (ec && count < piece.size()), "all, or an error");
                    taken += piece.substr(0, count);
                }
            } catch (const cancelled& early) {
                if (operation % 2 != 0) taken += piece.substr(0, early.transferred());
            }
            check(writer.buffered() <= capacity, "the capacity");
            check(below.written.size() + writer.buffered() == taken.size(), "no byte more or less");
            check(taken.starts_with(below.written), "in order");
        }
        std::error_code ec;
        insist(ec, [&](std::error_code& error) {
            writer.flush(error);
            return 0;
        });
    }
    check(below.written == taken, "all arrived");
}

} // namespace
} // namespace weft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    weft::fuzz::input from({bytes, size});
    if (from.next() % 4 != 0)
        weft::fuzz::read_all(from);
    else
        weft::fuzz::write_all(from);
    return 0;
}
