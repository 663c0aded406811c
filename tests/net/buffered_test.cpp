// SPDX-License-Identifier: BSL-1.0
#include "net/scripted_stream.hpp"

#include <weft/net/buffered.hpp>
#include <weft/net/tcp.hpp>
#include <weft/weft.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

// What does not need a network: buffered_reader over a stream that gives what it is told.
namespace weft::net {
namespace {

using test::scripted_stream;
using lines = std::vector<std::string>;

const std::error_code trouble = std::make_error_code(std::errc::connection_reset);
constexpr std::size_t plenty = 1 << 20;

template <class S>
lines all_lines(buffered_reader<S>& from) {
    lines all;
    while (std::optional<std::string> line = from.read_line()) all.push_back(std::move(*line));
    return all;
}

template <class S>
std::string rest_of(buffered_reader<S>& from) {
    std::string rest;
    std::string part(1000, '\0');
    while (const std::size_t size = from.read_some(std::as_writable_bytes(std::span(part))))
        rest.append(part, 0, size);
    return rest;
}

std::span<std::byte> room(std::string& text) { return std::as_writable_bytes(std::span(text)); }

// A stream that gives all of the text, and fails at once where more is asked for.
scripted_stream and_no_more(std::string text) { return scripted_stream({std::move(text), trouble}); }

TEST(BufferedReader, OwnsARvalueAndRefersToALvalue) {
    static_assert(std::is_same_v<decltype(buffered_reader(std::declval<tcp_stream>(), 1)),
        buffered_reader<tcp_stream>>);
    static_assert(std::is_same_v<decltype(buffered_reader(std::declval<tcp_stream&>(), 1)),
        buffered_reader<tcp_stream&>>);
    scripted_stream stream({"one\n"});
    buffered_reader referring(stream, plenty);
    EXPECT_EQ(&referring.next_layer(), &stream);
    EXPECT_EQ(referring.read_line(), "one");
    buffered_reader owning(scripted_stream({"one\ntwo\n"}), plenty);
    EXPECT_EQ(owning.read_line(), "one");
    buffered_reader moved(std::move(owning));
    EXPECT_EQ(moved.buffered(), 4U);
    EXPECT_EQ(moved.read_line(), "two");
    moved = buffered_reader(scripted_stream({"three\n"}), plenty);
    EXPECT_EQ(moved.read_line(), "three");
    EXPECT_EQ(moved.read_line(), std::nullopt);
}

TEST(BufferedReader, LinesAreTheSameHoweverTheyCome) {
    const std::string text = "one\r\ntwo\n\n\r\nfour\rfour\n\r\r\nlast";
    for (std::size_t size = 1; size <= text.size(); ++size) {
        buffered_reader reader(scripted_stream(text, size), plenty);
        EXPECT_EQ(all_lines(reader), (lines{"one", "two", "", "", "four\rfour", "\r", "last"})) << size;
        EXPECT_EQ(reader.read_line(), std::nullopt);
    }
}

TEST(BufferedReader, EndWithoutNewlineIsALine) {
    for (const auto& [text, line] : {std::pair("x", "x"), std::pair("x\r", "x\r"), std::pair("\r", "\r")}) {
        buffered_reader reader(scripted_stream({text}), plenty);
        EXPECT_EQ(reader.read_line(), line);
        EXPECT_EQ(reader.read_line(), std::nullopt);
    }
    buffered_reader nothing(scripted_stream(), plenty);
    EXPECT_EQ(nothing.read_line(), std::nullopt);
    EXPECT_EQ(nothing.read_until(';'), std::nullopt);
}

TEST(BufferedReader, LineMayHaveTheLimit) {
    for (const std::string end : {"\n", "\r\n", ""}) {
        for (const std::size_t size : {1U, 2U, 100U}) {
            buffered_reader reader(scripted_stream("12345" + end, size), 5);
            EXPECT_EQ(reader.read_line(), "12345");
            EXPECT_EQ(reader.read_line(), std::nullopt);
        }
    }
    buffered_reader empty_ones(scripted_stream({"\n\r\n"}), 0);
    EXPECT_EQ(all_lines(empty_ones), (lines{"", ""}));
}

TEST(BufferedReader, LineOfOneMoreIsRefusedAndNotConsumed) {
    for (const std::string end : {"\n", "\r\n", "", "\r"}) {
        for (const std::size_t size : {1U, 2U, 100U}) {
            const std::string text = "12345" + end + "and more\n";
            buffered_reader reader(scripted_stream(end.empty() ? "12345" : text, size), 4);
            for (int i = 0; i < 3; ++i) {
                std::error_code ec;
                EXPECT_EQ(reader.read_line(ec), std::nullopt);
                EXPECT_EQ(ec, errc::message_too_long);
            }
            EXPECT_EQ(rest_of(reader), end.empty() ? "12345" : text);
        }
    }
    // Its last byte might have been half of a delimiter.
    buffered_reader reader(scripted_stream({"1234\r"}), 4);
    EXPECT_THROW(reader.read_line(), io_error);
    EXPECT_EQ(rest_of(reader), "1234\r");
}

// The peer may wait for an answer.
TEST(BufferedReader, TooLongIsToldAsSoonAsItIsSure) {
    std::error_code ec;
    for (const std::string text : {"12345", "1234\r5", "1234\r\r", "12345\r"}) {
        buffered_reader reader(and_no_more(text), 4);
        EXPECT_EQ(reader.read_line(ec), std::nullopt);
        EXPECT_EQ(ec, errc::message_too_long) << text;
    }
    for (const std::string text : {"1234", "1234\r"}) {
        buffered_reader reader(and_no_more(text), 4);
        EXPECT_EQ(reader.read_line(ec), std::nullopt);
        EXPECT_EQ(ec, trouble) << text;
        EXPECT_EQ(reader.buffered(), text.size());
    }
    for (const std::string text : {"12345", "1234-=", "1234--=", "12345--="}) {
        buffered_reader reader(and_no_more(text), 4);
        EXPECT_EQ(reader.read_until("-=-", ec), std::nullopt);
        EXPECT_EQ(ec, text == "1234-=" ? trouble : make_error_code(errc::message_too_long)) << text;
    }
}

TEST(BufferedReader, DelimiterMayBeCutAnywhere) {
    const std::string text = "GET /\r\nHost: x\r\r\n\r\r\n\r\nbody\r\n\r\n\r\n\r\n";
    for (std::size_t size = 1; size <= text.size(); ++size) {
        buffered_reader reader(scripted_stream(text, size), plenty);
        EXPECT_EQ(reader.read_until("\r\n\r\n"), "GET /\r\nHost: x\r\r\n\r") << size;
        EXPECT_EQ(reader.read_until("\r\n\r\n"), "body");
        EXPECT_EQ(reader.read_until("\r\n\r\n"), "");
        EXPECT_EQ(reader.read_until("\r\n\r\n"), std::nullopt);
    }
    for (std::size_t size = 1; size <= 9; ++size) {
        buffered_reader reader(scripted_stream("aaaabab;b", size), plenty);
        EXPECT_EQ(reader.read_until("aab"), "aa") << size;
        EXPECT_EQ(reader.read_until(';'), "ab");
    }
    const std::string with_zeros("a\0b\0\0c", 6);
    buffered_reader reader(scripted_stream({with_zeros}), plenty);
    EXPECT_EQ(reader.read_until('\0'), "a");
    EXPECT_EQ(reader.read_until(std::string_view("\0\0", 2)), "b");
}

TEST(BufferedReader, DelimitedTextMayHaveTheLimitAndNoMore) {
    for (const std::size_t size : {1U, 2U, 100U}) {
        buffered_reader reader(scripted_stream("12345<>123456<>", size), 5);
        EXPECT_EQ(reader.read_until("<>"), "12345");
        std::error_code ec;
        EXPECT_EQ(reader.read_until("<>", ec), std::nullopt);
        EXPECT_EQ(ec, errc::message_too_long);
        EXPECT_EQ(rest_of(reader), "123456<>");
    }
}

TEST(BufferedReader, EndBeforeADelimiterIsUnexpectedAndKeepsTheBytes) {
    buffered_reader reader(scripted_stream("half\r\n\r", 2), plenty);
    for (int i = 0; i < 2; ++i) {
        std::error_code ec;
        EXPECT_EQ(reader.read_until("\r\n\r\n", ec), std::nullopt);
        EXPECT_EQ(ec, errc::unexpected_eof);
    }
    EXPECT_EQ(reader.read_line(), "half");
    EXPECT_EQ(reader.read_line(), "\r");
    std::error_code ec = trouble;
    EXPECT_EQ(reader.read_until(';', ec), std::nullopt);
    EXPECT_FALSE(ec);
}

TEST(BufferedReader, EmptyDelimiterIsMisuse) {
    buffered_reader reader(scripted_stream({"x"}), plenty);
    EXPECT_THROW(reader.read_until(""), std::invalid_argument);
}

// TLS reports a stream that was cut off by this very error, and then there is no last line.
TEST(BufferedReader, StreamsOwnUnexpectedEndIsAnError) {
    buffered_reader reader(scripted_stream({"part", make_error_code(errc::unexpected_eof)}), plenty);
    std::error_code ec;
    EXPECT_EQ(reader.read_line(ec), std::nullopt);
    EXPECT_EQ(ec, errc::unexpected_eof);
    EXPECT_EQ(reader.buffered(), 4U);
}

TEST(BufferedReader, InterruptedCallsKeepWhatCame) {
    const std::string text = "abc\r\ndef;" + std::string(10'000, 'x') + "\n";
    for (const bool cancels : {false, true}) {
        for (const std::size_t size : {1U, 3U, 7000U}) {
            scripted_stream stream;
            for (std::size_t at = 0; at < text.size(); at += size) {
                if (cancels)
                    stream.then(scripted_stream::cancel());
                else
                    stream.then(trouble);
                stream.then(text.substr(at, size));
            }
            buffered_reader reader(stream, plenty);
            const auto insist = [&](auto call) {
                for (;;) {
                    std::error_code ec;
                    try {
                        auto result = call(ec);
                        EXPECT_TRUE(!ec || ec == trouble) << ec.message();
                        if (ec != trouble) return result;
                    } catch (const cancelled&) {
                        EXPECT_TRUE(cancels);
                    }
                }
            };
            EXPECT_EQ(insist([&](auto& ec) { return reader.read_line(ec); }), "abc");
            std::string three(3, '\0');
            EXPECT_EQ(insist([&](auto& ec) { return reader.read_exactly(room(three), ec); }), 3U);
            EXPECT_EQ(three, "def");
            EXPECT_EQ(insist([&](auto& ec) { return reader.read_until(';', ec); }), "");
            std::string large(9'000, '\0');
            EXPECT_EQ(insist([&](auto& ec) { return reader.read_exactly(room(large), ec); }), 9'000U);
            EXPECT_EQ(large, std::string(9'000, 'x'));
            EXPECT_EQ(insist([&](auto& ec) { return reader.read_line(ec); }), std::string(1'000, 'x'));
            EXPECT_EQ(reader.buffered(), 0U);
        }
    }
}

TEST(BufferedReader, ExactReadsTellTheTwoEndsApart) {
    for (const std::size_t size : {5U, 50'000U}) {
        std::string to(size, '\0');
        std::error_code ec;
        buffered_reader nothing(scripted_stream(), plenty);
        EXPECT_EQ(nothing.read_exactly(room(to), ec), 0U);
        EXPECT_EQ(ec, errc::eof);
        buffered_reader some(scripted_stream({"abcd"}), plenty);
        EXPECT_EQ(some.read_exactly(room(to), ec), 0U);
        EXPECT_EQ(ec, errc::unexpected_eof);
        EXPECT_EQ(some.read_exactly(room(to), ec), 0U);
        EXPECT_EQ(ec, errc::unexpected_eof);
        EXPECT_EQ(some.read_exactly(room(to).first(3), ec), 3U);
        EXPECT_FALSE(ec);
        EXPECT_EQ(to.substr(0, 3), "abc");
        EXPECT_EQ(rest_of(some), "d");
        EXPECT_EQ(some.read_exactly({}, ec), 0U);
        EXPECT_FALSE(ec);
    }
}

TEST(BufferedReader, LargeReadsGoStraightToTheirPlace) {
    scripted_stream stream({"ab" + std::string(20'000, 'x')});
    buffered_reader reader(stream, plenty);
    std::string one(1, '\0');
    EXPECT_EQ(reader.read_some(room(one)), 1U);
    const std::size_t ahead = reader.buffered();
    std::string large(15'000, '\0');
    EXPECT_EQ(reader.read_some(room(large)), ahead) << "what is there first, without waiting for more";
    EXPECT_EQ(reader.read_some(room(large)), 15'000U);
    EXPECT_EQ(stream.asked.back(), 15'000U);
    EXPECT_EQ(reader.read_exactly(room(large).first(20'002 - ahead - 15'001)), 20'002 - ahead - 15'001);
    EXPECT_EQ(reader.read_some({}), 0U);
    EXPECT_EQ(reader.read_some(room(large)), 0U);
}

TEST(BufferedReader, LimitMayBeTheLargestNumber) {
    const std::string line(300'000, 'x');
    buffered_reader reader(
        scripted_stream(line + "\n" + line + "<>" + line, 777), std::numeric_limits<std::size_t>::max());
    EXPECT_EQ(reader.read_line(), line);
    EXPECT_EQ(reader.read_until("<>"), line);
    EXPECT_EQ(reader.read_line(), line);
}

TEST(BufferedReader, BufferStaysSmall) {
    constexpr std::size_t limit = 100'000;
    scripted_stream stream(std::string(3 * limit, 'x'), 3 * limit);
    buffered_reader reader(stream, limit);
    EXPECT_THROW(reader.read_line(), io_error);
    EXPECT_LT(reader.buffered(), 3 * limit);
    const auto largest = *std::max_element(stream.asked.begin(), stream.asked.end());
    EXPECT_LT(largest, 3 * limit);

    scripted_stream many_short_ones(std::string(1'000'000, '\n'), 4096);
    buffered_reader short_lines(many_short_ones, plenty);
    EXPECT_EQ(all_lines(short_lines).size(), 1'000'000U);
    EXPECT_EQ(*std::max_element(many_short_ones.asked.begin(), many_short_ones.asked.end()), 4096U);
}

TEST(BufferedReader, ThrowingFormsNameTheCall) {
    buffered_reader reader(scripted_stream({trouble, trouble, trouble}), plenty);
    const auto thrown_by = [](auto call) -> std::string {
        try {
            call();
        } catch (const io_error& error) {
            EXPECT_EQ(error.code(), trouble);
            EXPECT_EQ(error.transferred(), 0U);
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(thrown_by([&] { reader.read_line(); }).find("read_line"), 0U);
    EXPECT_EQ(thrown_by([&] { reader.read_until(';'); }).find("read_until"), 0U);
    std::string one(1, '\0');
    EXPECT_EQ(thrown_by([&] { reader.read_exactly(room(one)); }).find("read"), 0U);
}

TEST(BufferedReader, BufferedBytesDoNotOutrunACancellation) {
    run([] {
        buffered_reader reader(scripted_stream({"one\ntwo\n"}), plenty);
        EXPECT_EQ(reader.read_line(), "one");
        const cancel_source source;
        {
            const cancel_scope scope(source.token());
            source.cancel("enough");
            std::string three(3, '\0');
            EXPECT_THROW(reader.read_line(), cancelled);
            EXPECT_THROW(reader.read_until('\n'), cancelled);
            EXPECT_THROW(reader.read_exactly(room(three)), cancelled);
            EXPECT_THROW(reader.read_some(room(three)), cancelled);
        }
        EXPECT_EQ(reader.read_line(), "two");
    });
}

} // namespace
} // namespace weft::net
