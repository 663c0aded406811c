// SPDX-License-Identifier: BSL-1.0
#include "net/scripted_stream.hpp"
#include "net/tcp_test.hpp"

#include <weft/net/framed.hpp>
#include <weft/select.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::connection;
using test::failure_of;
using test::scripted_stream;
using test::text_of;
using test::whereabouts;
using prefix8 = length_prefix<std::uint8_t>;
using prefix32 = length_prefix<std::uint32_t>;
using prefix64 = length_prefix<std::uint64_t>;

const std::error_code trouble = std::make_error_code(std::errc::connection_reset);
constexpr std::size_t plenty = 1 << 20;
constexpr std::size_t without_end = std::numeric_limits<std::size_t>::max();

constexpr auto yes = [] { return 1; };
constexpr auto no = [] { return 0; };

std::string frame(std::string_view payload) {
    std::string made{'\0', '\0', static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size())};
    return made.append(payload);
}

template <class Messages>
std::optional<std::string> read(Messages& from) {
    const auto got = from.read();
    return got ? std::optional(std::string(text_of(*got))) : std::nullopt;
}

template <class Messages>
std::error_code failure_to_read(Messages& from) {
    std::error_code ec;
    EXPECT_EQ(from.read(ec), std::nullopt);
    return ec;
}

TEST(Framed, OwnsARvalueAndRefersToALvalue) {
    static_assert(std::is_same_v<decltype(framed(std::declval<tcp_stream>(), 1, prefix32())),
        framed<prefix32, tcp_stream>>);
    static_assert(std::is_same_v<decltype(framed(std::declval<tcp_stream&>(), 1, prefix32())),
        framed<prefix32, tcp_stream&>>);
    scripted_stream stream({frame("one") + frame("two")});
    framed<prefix32, scripted_stream&> messages(stream, plenty);
    EXPECT_EQ(&messages.next_layer(), &stream);
    EXPECT_EQ(read(messages), "one");
    auto moved = std::move(messages);
    EXPECT_EQ(read(moved), "two");
    EXPECT_EQ(read(moved), std::nullopt);
}

TEST(Framed, LengthsAreBigEndian) {
    const auto sent = [](auto codec, std::string_view payload) {
        scripted_stream stream;
        framed messages(stream, plenty, codec);
        messages.write(bytes(payload));
        EXPECT_EQ(stream.written.size(), 1U) << "one piece";
        framed back(scripted_stream({stream.all_written()}), plenty, codec);
        EXPECT_EQ(read(back), payload);
        const std::string all = stream.all_written();
        return all.substr(0, all.size() - payload.size());
    };
    const std::string much(0x0102, 'x');
    EXPECT_EQ(sent(prefix8(), "abc"), "\x03");
    EXPECT_EQ(sent(length_prefix<std::uint16_t>(), much), "\x01\x02");
    EXPECT_EQ(sent(prefix32(), much), std::string("\0\0\x01\x02", 4));
    EXPECT_EQ(sent(prefix64(), much), std::string("\0\0\0\0\0\0\x01\x02", 8));
    EXPECT_EQ(sent(prefix32(), ""), std::string(4, '\0'));
}

TEST(Framed, FramesAreTheSameHoweverTheyCome) {
    const std::vector<std::string> payloads{
        "", "a", "", std::string(300, 'b'), std::string(5, '\0'), "last", ""};
    std::string text;
    for (const std::string& each : payloads) text += frame(each);
    for (std::size_t size = 1; size <= text.size(); ++size) {
        framed messages(scripted_stream(text, size), plenty, prefix32());
        for (const std::string& each : payloads) EXPECT_EQ(read(messages), each) << size;
        EXPECT_EQ(read(messages), std::nullopt);
        EXPECT_EQ(read(messages), std::nullopt);
    }
}

TEST(Framed, FrameMayHaveTheLimitAndNoMore) {
    for (const std::size_t size : {1U, 3U, 100U}) {
        framed messages(scripted_stream(frame("12345") + frame("123456"), size), 5, prefix32());
        EXPECT_EQ(read(messages), "12345");
        for (int i = 0; i < 3; ++i) EXPECT_EQ(failure_to_read(messages), errc::message_too_long);
    }
    scripted_stream stream;
    framed messages(stream, 5, prefix32());
    messages.write(bytes("12345"));
    EXPECT_EQ(failure_of([&] { messages.write(bytes("123456")); }), errc::message_too_long);
    EXPECT_EQ(stream.all_written(), frame("12345"));
    framed nothing(scripted_stream({frame("") + frame("x")}), 0, prefix32());
    EXPECT_EQ(read(nothing), "");
    EXPECT_EQ(failure_to_read(nothing), errc::message_too_long);
}

TEST(Framed, HugeLengthsAreRefusedAsSoonAsTheyAreRead) {
    for (const std::string header :
        {"\xff\xff\xff\xff\xff\xff\xff\xff", "\x7f\xff\xff\xff\xff\xff\xff\xf8", "\x80\0\0\0\0\0\0\0"}) {
        for (const std::size_t limit : {plenty, without_end}) {
            framed messages(scripted_stream({std::string(header.data(), 8), trouble}), limit, prefix64());
            EXPECT_EQ(failure_to_read(messages), errc::message_too_long);
        }
    }
    framed messages(scripted_stream({std::string(4, '\xff'), trouble}), plenty, prefix32());
    EXPECT_EQ(failure_to_read(messages), errc::message_too_long);
}

// A header costs its sender nothing, so it must not cost much here either.
TEST(Framed, MemoryIsTakenAsBytesComeAndNotAsTheyAreAnnounced) {
    scripted_stream stream(
        {std::string("\x00\x00\x7f\xff\xff\xff\xff\xff", 8), std::string(10'000, 'x'), trouble});
    framed messages(stream, without_end, prefix64());
    EXPECT_EQ(failure_to_read(messages), trouble);
    for (const std::size_t asked : stream.asked) EXPECT_LT(asked, 100'000U);
}

TEST(Framed, LengthThatTheCodecCannotSayIsRefused) {
    scripted_stream stream;
    framed messages(stream, plenty, prefix8());
    messages.write(bytes(std::string(255, 'x')));
    EXPECT_EQ(failure_of([&] { messages.write(bytes(std::string(256, 'x'))); }), errc::message_too_long);
    messages.write(bytes("y"));
    EXPECT_EQ(stream.written.size(), 2U);
}

TEST(Framed, EndInsideAFrameIsUnexpected) {
    const std::string whole = frame("payload");
    for (std::size_t size = 1; size < whole.size(); ++size) {
        framed messages(scripted_stream({whole + whole.substr(0, size)}), plenty, prefix32());
        EXPECT_EQ(read(messages), "payload");
        EXPECT_EQ(failure_to_read(messages), errc::unexpected_eof) << size;
        EXPECT_EQ(failure_to_read(messages), errc::unexpected_eof);
    }
}

TEST(Framed, InterruptedReadsKeepWhatCame) {
    const std::string text = frame("one") + frame("") + frame(std::string(10'000, 'x'));
    for (const bool cancels : {false, true}) {
        for (const std::size_t size : {1U, 3U, 7'000U}) {
            scripted_stream stream;
            for (std::size_t at = 0; at < text.size(); at += size) {
                if (cancels)
                    stream.then(scripted_stream::cancel());
                else
                    stream.then(trouble);
                stream.then(text.substr(at, size));
            }
            framed messages(stream, plenty, prefix32());
            std::vector<std::string> got;
            for (;;) {
                std::error_code ec;
                try {
                    const auto message = messages.read(ec);
                    if (!ec && !message) break;
                    if (message)
                        got.emplace_back(text_of(*message));
                    else
                        EXPECT_EQ(ec, trouble);
                } catch (const cancelled&) {
                    EXPECT_TRUE(cancels);
                }
            }
            EXPECT_EQ(got, (std::vector<std::string>{"one", "", std::string(10'000, 'x')}));
        }
    }
}

TEST(Framed, TornFrameEndsTheWriting) {
    for (const bool cancels : {false, true}) {
        scripted_stream stream;
        framed messages(stream, plenty, prefix32());
        const auto fails_after = [&](std::size_t room) {
            stream.room = room;
            stream.full = cancels ? std::error_code() : trouble;
            try {
                messages.write(bytes("payload"));
                ADD_FAILURE();
            } catch (const io_error& error) {
                EXPECT_EQ(error.code(), trouble);
                EXPECT_EQ(error.transferred(), room);
            } catch (const cancelled& error) {
                EXPECT_EQ(error.transferred(), room);
            }
        };
        fails_after(0);
        messages.write(bytes("x"));
        EXPECT_EQ(stream.all_written(), frame("x")) << "what had sent nothing did no harm";
        fails_after(2);
        std::error_code ec;
        messages.write(bytes("y"), ec);
        EXPECT_EQ(ec, std::errc::broken_pipe);
        framed moved(std::move(messages));
        EXPECT_EQ(failure_of([&] { moved.write(bytes("y")); }), std::errc::broken_pipe);
        EXPECT_EQ(stream.written.size(), 2U);
    }
}

// Two bytes that say "here", then half the length; and it refuses odd ones.
struct marked {
    static constexpr std::size_t header_size = 3;
    std::byte mark{'#'};

    std::uint64_t decode(std::span<const std::byte, header_size> header, std::error_code& ec) const {
        if (header[0] != mark || header[1] != mark) ec = std::make_error_code(std::errc::bad_message);
        return 2 * std::to_integer<std::uint64_t>(header[2]);
    }
    void encode(std::uint64_t length, std::span<std::byte, header_size> header, std::error_code& ec) const {
        if (length % 2 != 0) ec = std::make_error_code(std::errc::invalid_argument);
        header[0] = header[1] = mark;
        header[2] = static_cast<std::byte>(length / 2);
    }
};

TEST(Framed, CodecMayBeOnesOwn) {
    scripted_stream stream;
    framed out(stream, plenty, marked{std::byte{'!'}});
    out.write(bytes("four"));
    std::error_code ec;
    out.write(bytes("odd"), ec);
    EXPECT_EQ(ec, std::errc::invalid_argument);
    EXPECT_EQ(stream.all_written(),
        "!!\x02"
        "four");
    framed in(scripted_stream({stream.all_written() +
                  "!?\x02"
                  "four"}),
        plenty, marked{std::byte{'!'}});
    EXPECT_EQ(read(in), "four");
    for (int i = 0; i < 2; ++i) EXPECT_EQ(failure_to_read(in), std::errc::bad_message);
}

using FramedTcp = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, FramedTcp, test::all_worker_counts(), test::workers_name);

TEST_P(FramedTcp, SeveralWritersAndOneReaderAtATime) {
    run([] {
        auto [near, far] = connection();
        framed left(std::move(near), plenty, prefix32());
        framed right(std::move(far), plenty, prefix32());
        const auto write_all = [](auto& to, char name) {
            for (std::size_t i = 0; i < 300; ++i) to.write(bytes(std::string(i * 37, name)));
        };
        const auto read_all = [](auto& from, std::size_t names) {
            std::size_t count = 0;
            for (; count < 300 * names; ++count) {
                const std::string message = read(from).value();
                EXPECT_EQ(message, std::string(message.size(), message.empty() ? ' ' : message.front()));
                EXPECT_EQ(message.size() % 37, 0U);
            }
            return count;
        };
        auto a = go([&] { write_all(left, 'a'); });
        auto b = go([&] { write_all(left, 'b'); });
        auto c = go([&] { write_all(right, 'c'); });
        auto answers = go([&] { return read_all(left, 1); });
        EXPECT_EQ(read_all(right, 2), 600U);
        EXPECT_EQ(answers.join(), 300U);
        a.join();
        b.join();
        c.join();
        left.next_layer().close();
        EXPECT_EQ(right.read(), std::nullopt);
    });
}

TEST_P(FramedTcp, DeadlineAndCancellationInTheMiddleOfAFrameKeepIt) {
    run([] {
        auto [near, far] = connection();
        framed messages(far, plenty, prefix32());
        const std::string whole = frame("payload");
        std::error_code ec;
        for (std::size_t at = 0; at + 1 < whole.size(); ++at) {
            whereabouts where;
            auto reading = go([&] {
                where.here();
                messages.read(ec);
            });
            where.await_parked(test::readable);
            near.write_all(bytes(whole.substr(at, 1)));
            while (select(on_readable(far, yes), otherwise(no)) == 1) yield();
            where.await_parked(test::readable);
            if (at % 2 == 0) {
                reading.cancel();
                EXPECT_THROW(reading.join(), cancelled);
                continue;
            }
            far.set_read_deadline(0s);
            reading.join();
            EXPECT_EQ(ec, errc::deadline_exceeded);
            far.clear_deadline();
        }
        near.write_all(bytes(whole.substr(whole.size() - 1)));
        EXPECT_EQ(read(messages), "payload");
    });
}

// The peer has read half of a frame when the write is cut short; nothing may follow that half.
TEST_P(FramedTcp, FrameCutShortIsTheLast) {
    run([] {
        auto [near, far] = connection();
        framed messages(near, 1 << 24, prefix32());
        const std::vector<std::byte> large(1 << 23);
        whereabouts where;
        auto writing = go([&] {
            where.here();
            messages.write(large);
        });
        where.await_parked(test::writable);
        writing.cancel();
        EXPECT_THROW(writing.join(), cancelled);
        EXPECT_EQ(failure_of([&] { messages.write(large); }), std::errc::broken_pipe);
        near.close();
        framed peer(far, 1 << 24, prefix32());
        EXPECT_EQ(failure_to_read(peer), errc::unexpected_eof);
    });
}

TEST_P(FramedTcp, SelectCountsWholeFrames) {
    run([] {
        auto [near, far] = connection();
        framed messages(far, plenty, prefix32());
        EXPECT_EQ(select(on_readable(messages, yes), otherwise(no)), 0);
        near.write_all(bytes(frame("one") + frame("two") + frame("three").substr(0, 6)));
        EXPECT_EQ(select(on_readable(messages, yes)), 1);
        EXPECT_EQ(read(messages), "one");
        EXPECT_EQ(select(on_readable(messages, yes), otherwise(no)), 1);
        EXPECT_EQ(read(messages), "two");
        EXPECT_EQ(select(on_readable(messages, yes), otherwise(no)), 0) << "a part is not enough";
        near.write_all(bytes("ree" + std::string(4, '\xff')));
        EXPECT_EQ(select(on_readable(messages, yes)), 1);
        EXPECT_EQ(read(messages), "three");
        EXPECT_EQ(select(on_readable(messages, yes), otherwise(no)), 1) << "what read refuses";
        EXPECT_EQ(failure_to_read(messages), errc::message_too_long);
    });
}

} // namespace
} // namespace weft::net
