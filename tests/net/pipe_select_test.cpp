// SPDX-License-Identifier: BSL-1.0
#include "net/net_test.hpp"

#include <weft/net/pipe.hpp>
#include <weft/select.hpp>

#include <atomic>
#include <chrono>
#include <string_view>
#include <system_error>
#include <vector>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::failure_of;
using test::pipe_writable;
using test::read_text;
using test::whereabouts;

using PipeSelect = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, PipeSelect, test::all_worker_counts(), test::workers_name);

constexpr std::string_view selecting = "one of several (select)";
constexpr auto nothing = [] {};

TEST_P(PipeSelect, IsReadyWhenSomebodyWaitsAtTheOtherEnd) {
    run([] {
        auto [near, far] = pipe();
        EXPECT_EQ(select(on_readable(near, [] { return 1; }), otherwise([] { return 2; })), 2);
        EXPECT_EQ(select(on_writable(near, [] { return 1; }), otherwise([] { return 2; })), 2);
        whereabouts where;
        auto writer = go([&, &stream = far] {
            where.here();
            stream.write_all(bytes("ab"));
        });
        where.await_parked(pipe_writable);
        EXPECT_EQ(select(on_readable(near, [] { return 1; }), otherwise([] { return 2; })), 1);
        EXPECT_EQ(select(on_writable(near, [] { return 1; }), otherwise([] { return 2; })), 2);
        EXPECT_EQ(read_text(near, 1), "a");
        EXPECT_EQ(select(on_readable(near, [] { return 1; })), 1) << "still";
        EXPECT_EQ(read_text(near, 1), "b");
        writer.join();
        EXPECT_EQ(select(on_readable(near, [] { return 1; }), otherwise([] { return 2; })), 2);
    });
}

TEST_P(PipeSelect, AParkingCallWakesASelectThatWaits) {
    run([] {
        auto [near, far] = pipe();
        const channel<int> ch(0);
        for (int i = 0; i < 200; ++i) {
            auto waiting = go([&, &stream = near] {
                return select(on_recv(ch, [](auto) { return 1; }), on_readable(stream, [] { return 2; }));
            });
            if (i % 2 == 0) {
                auto writer = go([&, &stream = far] { stream.write_all(bytes("x")); });
                EXPECT_EQ(waiting.join(), 2);
                EXPECT_EQ(read_text(near, 1), "x");
                writer.join();
            } else {
                ch.send(1);
                EXPECT_EQ(waiting.join(), 1);
            }
        }
        auto waiting = go([&, &stream = near] {
            select(on_writable(stream, nothing));
            stream.write_all(bytes("room"));
        });
        EXPECT_EQ(read_text(far, 10), "room");
        waiting.join();
    });
}

TEST_P(PipeSelect, TheEndIsReadyAndACloseThrows) {
    run([] {
        auto [near, far] = pipe();
        whereabouts where;
        auto waiting = go([&, &stream = near] {
            where.here();
            return select(on_readable(stream, [] { return 1; }), on_timeout(24h, [] { return 2; }));
        });
        where.await_parked(selecting);
        near.set_deadline(-1s); // does not concern it
        near.set_deadline(1h);
        far.shutdown(direction::send);
        EXPECT_EQ(waiting.join(), 1);
        EXPECT_EQ(select(on_writable(near, [] { return 1; }), otherwise([] { return 2; })), 2);
        far.close();
        EXPECT_EQ(select(on_writable(near, [] { return 1; }), otherwise([] { return 2; })), 1);

        for (const bool writing : {false, true}) {
            auto [here, there] = pipe();
            whereabouts at_select;
            auto closing = go([&, &stream = here] {
                at_select.here();
                return failure_of([&] {
                    writing ? select(on_writable(stream, nothing)) : select(on_readable(stream, nothing));
                });
            });
            at_select.await_parked(selecting);
            here.close();
            EXPECT_EQ(closing.join(), std::errc::operation_canceled);
            EXPECT_EQ(failure_of([&, &stream = here] { select(on_readable(stream, nothing)); }),
                std::errc::bad_file_descriptor);
        }
        EXPECT_EQ(
            failure_of([] { select(on_writable(pipe_stream(), nothing)); }), std::errc::bad_file_descriptor);
    });
}

TEST_P(PipeSelect, SelectsOfSeveralReadersMissNothing) {
    run([] {
        auto [near, far] = pipe();
        std::atomic<int> sum{0};
        std::vector<fiber<void>> readers;
        for (int i = 0; i < 4; ++i) {
            readers.push_back(go([&, &stream = far] {
                for (;;) {
                    select(on_readable(stream, nothing));
                    if (read_text(stream, 1).empty()) return;
                    ++sum;
                }
            }));
        }
        for (int i = 0; i < 500; ++i) near.write_all(bytes("x"));
        near.shutdown(direction::send);
        for (auto& each : readers) each.join();
        EXPECT_EQ(sum, 500);
    });
}

} // namespace
} // namespace weft::net
