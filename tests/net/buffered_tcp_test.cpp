// SPDX-License-Identifier: BSL-1.0
#include "net/scripted_stream.hpp"
#include "net/tcp_test.hpp"

#include <weft/net/buffered.hpp>
#include <weft/net/framed.hpp>
#include <weft/select.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft::test {

// Streams of others, which are readable while a lamp is lit. One brings its on_readable along; for the other one it is in weft,
// and declared later than what uses it.
struct stream_by_adl {
    std::size_t read_some(std::span<std::byte> to, std::error_code& ec) {
        ec.clear();
        const std::size_t count = std::min<std::size_t>(to.size(), 2);
        std::fill_n(to.begin(), count, std::byte{0});
        return count;
    }
    // Wakes whoever waits, also if there is no reason.
    void flash(bool stays_lit) {
        std::unique_lock guard(lock);
        lit = stays_lit;
        waiter* const who = waiting.claim_front();
        guard.unlock();
        if (who != nullptr) who->wake();
    }
    spin_lock lock;
    wait_queue waiting;
    bool lit = false;
    const std::uint64_t rank = new_lock_rank();
};
struct stream_by_weft : stream_by_adl {};

template <class Handler>
class lamp final : public source {
public:
    using result = int;
    lamp(stream_by_adl& of, Handler handler) noexcept
        : source(&of.lock, of.rank, node_),
          of_(of),
          handler_(std::move(handler)) {}
    result run() { return handler_(); }
    bool may_be_ready() const noexcept override { return true; }
    bool take() override { return of_.lit; }
    void enqueue() noexcept override { of_.waiting.push(node_); }
    void withdraw() noexcept override { of_.waiting.withdraw(node_); }
    bool happened() const noexcept override {
        const std::scoped_lock guard(of_.lock);
        return of_.lit;
    }
    bool external() const noexcept override { return true; }

private:
    stream_by_adl& of_;
    Handler handler_;
    wait_node node_;
};

template <class Handler>
auto on_readable(stream_by_adl& of, Handler handler) {
    return lamp<Handler>(of, std::move(handler));
}

} // namespace weft::test

namespace weft {

template <class Handler>
auto on_readable(test::stream_by_weft& of, Handler handler) {
    const auto ten_times = [handler = std::move(handler)]() mutable { return 10 * handler(); };
    return test::lamp<std::remove_const_t<decltype(ten_times)>>(of, ten_times);
}

} // namespace weft

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::connection;
using test::failure_of;
using test::whereabouts;

using BufferedTcp = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, BufferedTcp, test::all_worker_counts(), test::workers_name);

constexpr std::string_view selecting = "one of several (select)";
constexpr auto yes = [] { return 1; };
constexpr auto no = [] { return 0; };

TEST_P(BufferedTcp, LinesArriveWhole) {
    run([] {
        auto [near, far] = connection();
        auto writing = go([&to = near] {
            buffered_writer writer(to, 1000);
            for (int i = 0; i < 20'000; ++i) writer.write_all(bytes("line " + std::to_string(i) + "\r\n"));
            writer.flush();
            to.write_all(bytes("the last"));
            to.shutdown(direction::send);
        });
        buffered_reader reader(far, 100);
        for (int i = 0; i < 20'000; ++i) EXPECT_EQ(reader.read_line(), "line " + std::to_string(i));
        EXPECT_EQ(reader.read_line(), "the last");
        EXPECT_EQ(reader.read_line(), std::nullopt);
        EXPECT_EQ(reader.read_line(), std::nullopt);
        writing.join();
    });
}

TEST_P(BufferedTcp, ByteAfterByte) {
    run([] {
        auto [near, far] = connection();
        auto writing = go([&to = near] {
            for (const char each : std::string("one\r\ntwo\r\n\r\n")) {
                to.write_all(bytes({&each, 1}));
                yield();
            }
        });
        buffered_reader reader(std::move(far), 5);
        EXPECT_EQ(reader.read_line(), "one");
        EXPECT_EQ(reader.read_until("\r\n\r\n"), "two");
        writing.join();
    });
}

// Begins the call, and cuts it short once it has read the part and waits for more.
template <class Call, class Cut>
void cut_short(tcp_stream& near, tcp_stream& far, std::string_view part, Call call, Cut cut) {
    whereabouts where;
    auto reading = go([&] {
        where.here();
        call();
    });
    where.await_parked(test::readable);
    near.write_all(bytes(part));
    while (select(on_readable(far, yes), otherwise(no)) == 1) yield();
    where.await_parked(test::readable);
    cut(reading);
}

TEST_P(BufferedTcp, DeadlineInTheMiddleOfALineKeepsIt) {
    run([] {
        auto [near, far] = connection();
        buffered_reader reader(far, 100);
        const auto read_in_vain = [&] {
            EXPECT_EQ(failure_of([&] { reader.read_line(); }), errc::deadline_exceeded);
        };
        const auto deadline = [&stream = far](fiber<void>& reading) {
            stream.set_read_deadline(0s);
            reading.join();
            stream.clear_deadline();
        };
        cut_short(near, far, "one", read_in_vain, deadline);
        cut_short(near, far, " li", read_in_vain, deadline);
        near.write_all(bytes("ne\nnext"));
        EXPECT_EQ(reader.read_line(), "one line");
        far.set_deadline(0s);
        std::string four(4, '\0');
        EXPECT_EQ(reader.read_exactly(std::as_writable_bytes(std::span(four))), 4U)
            << "the stream was not asked";
        EXPECT_EQ(four, "next");
        EXPECT_EQ(failure_of([&] { reader.read_line(); }), errc::deadline_exceeded);
    });
}

TEST_P(BufferedTcp, CancelledCallsLeaveWhatCameToTheNext) {
    run([] {
        auto [near, far] = connection();
        buffered_reader reader(far, 100);
        std::string large(10'000, '\0');
        const auto cancel = [](fiber<void>& reading) {
            reading.cancel();
            EXPECT_THROW(reading.join(), cancelled);
        };
        cut_short(near, far, "one", [&] { reader.read_line(); }, cancel);
        cut_short(near, far, " line\r", [&] { reader.read_until("\r\n"); }, cancel);
        const std::string much(5'000, 'x');
        const auto read_large = [&] { reader.read_exactly(std::as_writable_bytes(std::span(large))); };
        cut_short(near, far, "\n" + much, read_large, cancel);
        near.write_all(bytes("\n"));
        EXPECT_EQ(reader.read_line(), "one line");
        EXPECT_THROW(with_timeout(0s, [&] { return reader.read_line(); }), timed_out);
        std::string rest(5'001, '\0');
        EXPECT_EQ(reader.read_exactly(std::as_writable_bytes(std::span(rest))), 5'001U);
        EXPECT_EQ(rest, much + "\n");
    });
}

TEST_P(BufferedTcp, CloseEndsAPendingReadLine) {
    run([] {
        auto [near, far] = connection();
        buffered_reader reader(far, 100);
        whereabouts where;
        auto reading = go([&] {
            where.here();
            return failure_of([&] { reader.read_line(); });
        });
        where.await_parked(test::readable);
        reader.next_layer().close();
        EXPECT_EQ(reading.join(), std::errc::operation_canceled);
        EXPECT_EQ(failure_of([&] { reader.read_line(); }), std::errc::bad_file_descriptor);
    });
}

TEST_P(BufferedTcp, SelectCountsWhatIsBuffered) {
    run([] {
        auto [near, far] = connection();
        buffered_reader reader(far, 100);
        EXPECT_EQ(select(on_readable(reader, yes), otherwise(no)), 0);
        near.write_all(bytes("one\ntwo\n"));
        EXPECT_EQ(select(on_readable(reader, yes)), 1);
        EXPECT_EQ(reader.read_line(), "one");
        EXPECT_EQ(select(on_readable(far, yes), otherwise(no)), 0);
        EXPECT_EQ(select(on_readable(reader, yes), otherwise(no)), 1);
        EXPECT_EQ(reader.read_line(), "two");
        EXPECT_EQ(select(on_readable(reader, yes), otherwise(no)), 0);

        whereabouts where;
        auto waiting = go([&] {
            where.here();
            return select(on_readable(reader, yes), on_timeout(24h, no));
        });
        where.await_parked(selecting);
        near.write_all(bytes("x"));
        EXPECT_EQ(waiting.join(), 1);
        near.close();
        EXPECT_EQ(reader.read_line(), "x");
        EXPECT_EQ(select(on_readable(reader, yes)), 1) << "the end is ready, too";
        far.close();
        EXPECT_EQ(failure_of([&] { select(on_readable(reader, yes)); }), std::errc::bad_file_descriptor);
    });
}

TEST_P(BufferedTcp, SelectWorksOverAPipe) {
    run([] {
        auto [near, far] = pipe();
        buffered_reader reader(far, 100);
        EXPECT_EQ(select(on_readable(reader, yes), otherwise(no)), 0);
        auto writing = go([&to = near] { to.write_all(bytes("one\ntwo\n")); });
        EXPECT_EQ(select(on_readable(reader, yes)), 1);
        EXPECT_EQ(reader.read_line(), "one");
        writing.join();
        EXPECT_EQ(select(on_readable(reader, yes), otherwise(no)), 1);
        EXPECT_EQ(reader.read_line(), "two");
        EXPECT_EQ(select(on_readable(reader, yes), otherwise(no)), 0);
    });
}

// A selector uses its cases again and again.
TEST_P(BufferedTcp, SelectorLooksAtTheBufferEachTime) {
    run([] {
        auto [near, far] = connection();
        buffered_reader reader(far, 100);
        selector cases;
        std::vector<std::string> got;
        cases.add([&] { return on_readable(reader, [&] { got.push_back(reader.read_line().value()); }); });
        cases.on_timeout(24h, [] { FAIL(); });
        near.write_all(bytes("one\ntwo\n"));
        while (got.size() < 2) cases.select();
        EXPECT_EQ(got, (std::vector<std::string>{"one", "two"}));
        EXPECT_EQ(reader.buffered(), 0U);
    });
}

TEST_P(BufferedTcp, ReadersOfReadersAreReadable) {
    run([] {
        auto [near, far] = connection();
        buffered_reader inner(far, 100);
        buffered_reader outer(inner, 100);
        near.write_all(bytes("one\ntwo\n"));
        EXPECT_EQ(inner.read_line(), "one");
        EXPECT_EQ(select(on_readable(outer, yes), otherwise(no)), 1);
        EXPECT_EQ(outer.read_line(), "two");
        EXPECT_EQ(select(on_readable(outer, yes), otherwise(no)), 0);
    });
}

template <class S>
void check_select_over(int expected) {
    S stream;
    buffered_reader reader(stream, 100);
    framed<length_prefix<std::uint8_t>, S&> messages(stream, 200);
    const auto seven = [] { return 7; };
    EXPECT_EQ(select(on_readable(reader, seven), otherwise(no)), 0);
    EXPECT_EQ(select(on_readable(messages, seven), otherwise(no)), 0);
    stream.lit = true;
    EXPECT_EQ(select(on_readable(reader, seven), otherwise(no)), expected);
    EXPECT_EQ(select(on_readable(messages, seven), otherwise(no)), expected);
    stream.lit = false;
    std::byte one{};
    EXPECT_EQ(reader.read_some({&one, 1}), 1U);
    EXPECT_EQ(select(on_readable(reader, seven), otherwise(no)), expected);
    EXPECT_EQ(messages.read(), std::vector<std::byte>());
    EXPECT_EQ(select(on_readable(messages, seven), otherwise(no)), expected);
}

TEST(BufferedSelect, AsksWhateverOnReadableTheStreamHas) {
    check_select_over<test::stream_by_adl>(7);
    check_select_over<test::stream_by_weft>(70);
}

TEST_P(BufferedTcp, SelectWaitsWithTheStreamAndHeedsItsFalseAlarms) {
    run([] {
        test::stream_by_adl stream;
        buffered_reader reader(stream, 100);
        whereabouts where;
        int false_alarms = 0;
        auto waiting = go([&] {
            where.here();
            const auto is_lit = [&] { return stream.lit ? 1 : 0; };
            while (select(on_readable(reader, is_lit), on_timeout(24h, no)) == 0) ++false_alarms;
        });
        for (int i = 0; i < 3; ++i) {
            where.await_parked(selecting);
            stream.flash(false);
        }
        where.await_parked(selecting);
        stream.flash(true);
        waiting.join();
        EXPECT_EQ(false_alarms, 0);
        EXPECT_TRUE(stream.waiting.empty());
    });
}

TEST_P(BufferedTcp, WriterGoesOnAfterADeadlineAndACancellation) {
    std::vector<std::uint32_t> numbers(2'000'000);
    std::iota(numbers.begin(), numbers.end(), 0U);
    const auto sent = std::as_bytes(std::span(numbers));
    run([&] {
        auto [near, far] = connection();
        buffered_writer writer(near, sent.size());
        writer.write_all(sent);
        std::size_t kept = sent.size();
        for (const bool cancels : {false, true}) {
            whereabouts where;
            auto flushing = go([&] {
                where.here();
                std::error_code ec;
                writer.flush(ec);
                return ec;
            });
            where.await_parked(test::writable);
            if (cancels) {
                flushing.cancel();
                EXPECT_THROW(flushing.join(), cancelled);
            } else {
                near.set_write_deadline(0s);
                EXPECT_EQ(flushing.join(), errc::deadline_exceeded);
                near.clear_deadline();
                EXPECT_LT(writer.buffered(), kept);
            }
            EXPECT_LE(writer.buffered(), kept);
            kept = writer.buffered();
            EXPECT_GT(kept, 0U);
        }
        auto reading = go([&from = far, size = sent.size()] {
            std::vector<std::byte> got(size);
            from.read_exactly(got);
            return got;
        });
        writer.flush();
        const std::vector<std::byte> got = reading.join();
        EXPECT_TRUE(test::text_of(got) == test::text_of(sent));
    });
}

} // namespace
} // namespace weft::net
