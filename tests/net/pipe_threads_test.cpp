// SPDX-License-Identifier: BSL-1.0
#include "net/net_test.hpp"

#include <weft/net/pipe.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <thread>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::failure_of;
using test::read_exact_text;
using test::read_text;

TEST(PipeOnThreads, PlainThreadsBlock) {
    auto [near, far] = pipe();
    std::thread answering([&stream = far] {
        std::array<std::byte, 16> buffer;
        while (const std::size_t size = stream.read_some(buffer))
            stream.write_all(std::span(buffer).first(size));
    });
    for (int i = 0; i < 100; ++i) {
        near.write_all(bytes("ping"));
        EXPECT_EQ(read_exact_text(near, 4), "ping");
    }
    near.set_read_deadline(1ms);
    EXPECT_EQ(failure_of([&, &stream = near] { read_text(stream, 1); }), errc::deadline_exceeded);
    near.close();
    answering.join();
}

TEST(PipeOnThreads, FibersOfTwoRuntimesAndAThreadTalk) {
    auto [near, far] = pipe();
    std::thread other([&stream = far] {
        weft::run(
            [&] {
                for (int i = 0; i < 300; ++i) stream.write_all(bytes(read_exact_text(stream, 4)));
            },
            {.workers = 2});
    });
    weft::run(
        [&, &stream = near] {
            for (int i = 0; i < 200; ++i) {
                stream.write_all(bytes("ping"));
                EXPECT_EQ(read_exact_text(stream, 4), "ping");
            }
        },
        {.workers = 2});
    for (int i = 0; i < 100; ++i) {
        near.write_all(bytes("pong"));
        EXPECT_EQ(read_exact_text(near, 4), "pong");
    }
    other.join();
}

TEST(PipeDeadlock, FibersThatWaitForEachOthersEndsAreReported) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(weft::run(
                    [] {
                        auto [near, far] = pipe();
                        auto other = go({.name = "reader"}, [&stream = far] { read_text(stream, 1); });
                        read_text(near, 1);
                        other.join();
                    },
                    {.workers = 2}),
        ::testing::ExitedWithCode(2),
        "all fibers are asleep - deadlock!(.|\n)*parked, waits for somebody to write to a pipe");
}

} // namespace
} // namespace weft::net
