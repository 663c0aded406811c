// SPDX-License-Identifier: BSL-1.0
#include "net/net_test.hpp"
#include "net/scripted_stream.hpp"

#include <weft/net/buffered.hpp>

#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace weft::net {
namespace {

using test::bytes;
using test::scripted_stream;
using pieces = std::vector<std::string>;

const std::error_code trouble = std::make_error_code(std::errc::connection_reset);

TEST(BufferedWriter, OwnsARvalueAndRefersToALvalue) {
    static_assert(std::is_same_v<decltype(buffered_writer(std::declval<tcp_stream>(), 1)),
        buffered_writer<tcp_stream>>);
    static_assert(std::is_same_v<decltype(buffered_writer(std::declval<tcp_stream&>(), 1)),
        buffered_writer<tcp_stream&>>);
    buffered_writer owning(scripted_stream(), 100);
    owning.write_all(bytes("one"));
    buffered_writer moved(std::move(owning));
    EXPECT_EQ(moved.buffered(), 3U);
    moved.flush();
    EXPECT_EQ(moved.next_layer().all_written(), "one");
}

TEST(BufferedWriter, CollectsUntilItIsFlushed) {
    scripted_stream stream;
    buffered_writer writer(stream, 10);
    for (const char* each : {"12", "34", "56", "", "7890"}) writer.write_all(bytes(each));
    EXPECT_EQ(stream.written, pieces());
    EXPECT_EQ(writer.buffered(), 10U) << "the capacity is used";
    writer.flush();
    EXPECT_EQ(stream.written, pieces{"1234567890"});
    writer.flush();
    EXPECT_EQ(stream.written.size(), 1U) << "nothing to flush, nothing written";
}

TEST(BufferedWriter, WhatDoesNotFitGoesInOnePiece) {
    scripted_stream stream;
    buffered_writer writer(stream, 10);
    writer.write_all(bytes("123456"));
    EXPECT_EQ(writer.write_all(bytes("78901")), 5U);
    EXPECT_EQ(stream.written, pieces{"123456"});
    EXPECT_EQ(writer.write_all(bytes("234567890123")), 12U);
    EXPECT_EQ(stream.written, (pieces{"123456", "78901", "234567890123"}));
    EXPECT_EQ(writer.buffered(), 0U);

    buffered_writer through(stream, 0);
    through.write_all(bytes("x"));
    through.write_all(bytes(""));
    EXPECT_EQ(stream.written.back(), "x");
    buffered_writer without_end(stream, std::numeric_limits<std::size_t>::max());
    without_end.write_all(bytes("y"));
    without_end.flush();
    EXPECT_EQ(stream.written.back(), "y");
}

TEST(BufferedWriter, FailedFlushKeepsTheRest) {
    scripted_stream stream;
    buffered_writer writer(stream, 10);
    writer.write_all(bytes("123456"));
    stream.full = trouble;
    stream.room = 2;
    std::error_code ec;
    EXPECT_EQ(writer.write_all(bytes("abcdef"), ec), 0U);
    EXPECT_EQ(ec, trouble);
    EXPECT_EQ(writer.buffered(), 4U);
    stream.room = 1;
    try {
        writer.flush();
        ADD_FAILURE();
    } catch (const io_error& error) {
        EXPECT_EQ(error.code(), trouble);
        EXPECT_EQ(error.transferred(), 1U);
    }
    writer.flush(ec);
    EXPECT_FALSE(ec);
    EXPECT_EQ(stream.all_written(), "123456");
}

TEST(BufferedWriter, FailedLargeWriteTellsHowFarItCame) {
    scripted_stream stream;
    buffered_writer writer(stream, 4);
    writer.write_all(bytes("12"));
    stream.full = trouble;
    stream.room = 5;
    std::error_code ec;
    EXPECT_EQ(writer.write_all(bytes("34567890"), ec), 3U);
    EXPECT_EQ(ec, trouble);
    EXPECT_EQ(writer.buffered(), 0U);
    stream.room = 3;
    EXPECT_EQ(test::failure_of([&] { writer.write_all(bytes("67890")); }), trouble);
    EXPECT_EQ(stream.all_written(), "12345678");
}

TEST(BufferedWriter, CancelledFlushSendsNothingTwice) {
    const auto transferred = [](auto call) -> std::optional<std::size_t> {
        try {
            call();
            return std::nullopt;
        } catch (const cancelled& early) {
            return early.transferred();
        }
    };
    scripted_stream stream;
    buffered_writer writer(stream, 10);
    writer.write_all(bytes("123456"));
    stream.room = 2;
    EXPECT_EQ(transferred([&] { writer.write_all(bytes("abcdef")); }), 0U)
        << "those two were not of this call";
    stream.room = 1;
    EXPECT_EQ(transferred([&] { writer.flush(); }), 1U);
    stream.room = 5;
    EXPECT_EQ(transferred([&] { writer.write_all(bytes("7890abcdefghijkl")); }), 2U);
    EXPECT_EQ(stream.all_written(), "12345678");
    EXPECT_EQ(writer.buffered(), 0U);
}

TEST(BufferedWriter, CallsThatNeedNotWaitAreCancelledToo) {
    run([] {
        scripted_stream stream;
        buffered_writer writer(stream, 10);
        const cancel_source source;
        {
            const cancel_scope scope(source.token());
            source.cancel("enough");
            EXPECT_THROW(writer.write_all(bytes("x")), cancelled);
            EXPECT_THROW(writer.flush(), cancelled);
        }
        EXPECT_EQ(writer.buffered(), 0U);
    });
}

TEST(BufferedWriter, WhatIsNotFlushedIsDroppedAndReported) {
    scripted_stream stream;
    testing::internal::CaptureStderr();
    {
        buffered_writer writer(stream, 10);
        writer.write_all(bytes("12345"));
        buffered_writer moved(std::move(writer));
    }
    {
        buffered_writer assigned(scripted_stream(), 10);
        assigned.write_all(bytes("1234567"));
        assigned = buffered_writer(scripted_stream(), 10);
    }
    {
        buffered_writer flushed(stream, 10);
        flushed.write_all(bytes("x"));
        flushed.flush();
    }
    const std::string report = testing::internal::GetCapturedStderr();
    EXPECT_EQ(stream.written, pieces{"x"});
#ifdef NDEBUG
    EXPECT_EQ(report, "");
#else
    EXPECT_NE(report.find("buffered_writer was destroyed with 5 bytes not flushed"), std::string::npos)
        << report;
    EXPECT_NE(report.find("with 7 bytes"), std::string::npos) << report;
    EXPECT_EQ(std::count(report.begin(), report.end(), '\n'), 2);
#endif
}

} // namespace
} // namespace weft::net
