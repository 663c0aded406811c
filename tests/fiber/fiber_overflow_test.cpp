// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <csignal>

namespace weft {
namespace {

[[gnu::noinline]] int recurse(int depth) {
    volatile char frame[1000];
    frame[0] = static_cast<char>(depth);
    return depth == 0 ? 0 : recurse(depth - 1) + frame[0];
}

using fiber_overflow = ::testing::TestWithParam<unsigned>;
INSTANTIATE_TEST_SUITE_P(Workers, fiber_overflow, test::all_worker_counts(), test::workers_name);

TEST_P(fiber_overflow, IsReportedByNameSizeAndPlace) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(weft::run([] { go({.name = "deep"}, [] { return recurse(1'000'000); }).join(); },
                    {.workers = GetParam()}),
        ::testing::KilledBySignal(SIGSEGV),
        "stack overflow in fiber [0-9]+ 'deep' \\(spawned at .*fiber_overflow_test.cpp:[0-9]+\\), 256 "
        "KiB(.|\n)*recurse");
}

TEST_P(fiber_overflow, OfAFrameLargerThanTheGuardIsReportedToo) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        weft::run(
            [] {
                go({.name = "wide", .stack_size = 64 << 10}, [] {
                    char frame[300 << 10];
                    asm volatile("" : : "r"(frame) : "memory"); // all of it, not the part that is used
                }).join();
            },
            {.workers = GetParam()}),
        ::testing::KilledBySignal(SIGSEGV), "stack overflow in fiber [0-9]+ 'wide' .*, 64 KiB");
}

} // namespace
} // namespace weft
