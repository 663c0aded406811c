// SPDX-License-Identifier: BSL-1.0
#include "resilience/until_parked.hpp"

#include <weft/resilience/circuit_breaker.hpp>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::circuit;
using enum circuit_state;

constexpr clock::time_point at(clock::duration since_start) { return clock::time_point(since_start); }

TEST(circuit, OpensAfterSoManyFailuresInARow) {
    circuit of(3, 10s, 1);
    for (const bool fails : {true, true, false, true, true}) {
        const auto era = of.admit(at(0s));
        ASSERT_TRUE(era);
        fails ? of.failed(*era, at(0s)) : of.succeeded(*era);
        EXPECT_EQ(of.state(at(0s)), closed);
    }
    of.failed(*of.admit(at(1s)), at(1s));
    EXPECT_EQ(of.state(at(1s)), open);
    EXPECT_EQ(of.left(at(3s)), 8s);
    EXPECT_FALSE(of.admit(at(11s) - 1ns));
    EXPECT_EQ(of.state(at(11s)), half_open);
    EXPECT_EQ(of.counts().failures, 5U);
    EXPECT_EQ(of.counts().successes, 1U);
    EXPECT_EQ(of.counts().consecutive_failures, 3U);
    EXPECT_EQ(of.counts().rejected, 1U);
    EXPECT_EQ(of.counts().opened, 1U);
}

circuit opened(std::size_t probes) {
    circuit of(1, 10s, probes);
    of.failed(*of.admit(at(0s)), at(0s));
    return of;
}

TEST(circuit, ProbesCloseIt) {
    circuit of = opened(2);
    const auto first = of.admit(at(10s)), second = of.admit(at(10s));
    ASSERT_TRUE(first && second);
    EXPECT_FALSE(of.admit(at(10s)));
    of.succeeded(*first);
    EXPECT_EQ(of.state(at(10s)), half_open);
    of.abandoned(*second);
    const auto third = of.admit(at(11s));
    ASSERT_TRUE(third);
    of.succeeded(*third);
    EXPECT_EQ(of.state(at(11s)), closed);
    EXPECT_EQ(of.counts().consecutive_failures, 0U);
}

TEST(circuit, AFailedProbeOpensItForTheWholeTime) {
    circuit of = opened(2);
    const auto first = of.admit(at(10s)), second = of.admit(at(10s));
    of.failed(*first, at(12s));
    EXPECT_EQ(of.left(at(12s)), 10s);
    of.succeeded(*second); // too late
    of.failed(*second, at(13s));
    EXPECT_EQ(of.left(at(13s)), 9s);
    EXPECT_EQ(of.counts().opened, 2U);
}

TEST(circuit, WhatBeganEarlierChangesNothing) {
    circuit of(1, 10s, 1);
    const auto slow = of.admit(at(0s)), slower = of.admit(at(0s)), slowest = of.admit(at(0s));
    of.failed(*slow, at(0s));
    const auto probe = of.admit(at(10s));
    of.succeeded(*slower);
    of.abandoned(*slower);
    EXPECT_FALSE(of.admit(at(10s)));
    of.succeeded(*probe);
    EXPECT_EQ(of.state(at(10s)), closed);
    of.failed(*slowest, at(10s));
    EXPECT_EQ(of.state(at(10s)), closed);
    EXPECT_EQ(of.counts().consecutive_failures, 0U);
}

TEST(circuit, ResetClosesIt) {
    circuit of = opened(1);
    of.reset();
    EXPECT_EQ(of.state(at(0s)), closed);
    EXPECT_EQ(of.counts().consecutive_failures, 0U);
    EXPECT_EQ(of.counts().failures, 1U);
}

TEST(circuit_breaker, NonsenseIsNamed) {
    const auto refusal = [](const circuit_breaker_options& options) {
        return test::complaint<std::invalid_argument>([&] { const circuit_breaker made(options); });
    };
    EXPECT_EQ(refusal({.failures = 0}), "circuit_breaker: failures is 0; there must be at least one");
    EXPECT_EQ(refusal({.probes = 0}), "circuit_breaker: probes is 0; there must be at least one");
    EXPECT_EQ(refusal({.open_for = -7ns}), "circuit_breaker: open_for is negative: -7 ns");
}

TEST(circuit_breaker, SaysHowLongItStaysOpen) {
    EXPECT_STREQ(circuit_open(1500us).what(), "circuit_breaker: open for another 2 ms");
    EXPECT_STREQ(circuit_open(0ns).what(),
        "circuit_breaker: half open, and as many calls as it lets through are under way");
}

using breakers = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, breakers, test::all_worker_counts(), test::workers_name);

void fail() { throw std::runtime_error("ill"); }

TEST_P(breakers, RejectsOnceOpen) {
    run([] {
        circuit_breaker breaker{{.failures = 2, .open_for = 24h}};
        int here = 1;
        EXPECT_EQ(&breaker.call([&]() -> int& { return here; }), &here);
        for (int i = 0; i < 2; ++i) EXPECT_THROW(breaker.call(fail), std::runtime_error);
        EXPECT_EQ(breaker.state(), open);
        try {
            breaker.call([] { FAIL(); });
            FAIL();
        } catch (const circuit_open& refused) {
            EXPECT_GT(refused.left(), 23h);
        }
        breaker.reset();
        EXPECT_EQ(breaker.call([] { return 3; }), 3);
        EXPECT_EQ(breaker.counts().rejected, 1U);
    });
}

TEST_P(breakers, CancellationIsNeither) {
    run([] {
        circuit_breaker breaker{{.failures = 1, .open_for = 0ns}};
        EXPECT_THROW(breaker.call([] { throw cancelled(); }), cancelled);
        EXPECT_EQ(breaker.state(), closed);
        EXPECT_THROW(breaker.call([] { throw timed_out(); }), timed_out);
        EXPECT_EQ(breaker.state(), half_open);
        auto probe = go([&] { breaker.call([] { sleep(24h); }); });
        test::until_parked(probe);
        EXPECT_THROW(breaker.call([] {}), circuit_open);
        probe.cancel();
        EXPECT_THROW(probe.join(), cancelled);
        breaker.call([] {});
        EXPECT_EQ(breaker.state(), closed);
        EXPECT_EQ(breaker.counts().failures, 1U);
        EXPECT_EQ(breaker.counts().successes, 1U);
    });
}

TEST_P(breakers, NotEveryExceptionIsAFailure) {
    run([] {
        circuit_breaker breaker{
            {.failures = 1, .counts_as_failure = [](const std::exception_ptr&) { return false; }}};
        EXPECT_THROW(breaker.call(fail), std::runtime_error);
        EXPECT_EQ(breaker.counts().successes, 1U);
        circuit_breaker confused{
            {.open_for = 0ns, .counts_as_failure = [](const std::exception_ptr&) -> bool {
                 throw std::logic_error("which?");
             }}};
        EXPECT_THROW(confused.call(fail), std::logic_error);
        EXPECT_EQ(confused.counts().failures, 0U);
    });
}

TEST(circuit_breaker, ManyFibersAndThreads) {
    circuit_breaker breaker{{.failures = 3, .open_for = 1us, .probes = 2}};
    std::atomic<std::uint64_t> successes{0}, failures{0}, rejected{0};
    constexpr int calls = 2000, callers = 4;
    const auto work = [&] {
        for (int i = 0; i < calls; ++i) {
            try {
                breaker.call([&] {
                    if (i % 5 < 4) fail();
                });
                successes.fetch_add(1);
            } catch (const circuit_open&) {
                rejected.fetch_add(1);
            } catch (const std::runtime_error&) {
                failures.fetch_add(1);
            }
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < callers; ++i) threads.emplace_back(work);
    weft::run(
        [&] {
            task_group group;
            for (int i = 0; i < callers; ++i) group.go(work);
            group.wait();
        },
        {.workers = 4});
    for (auto& each : threads) each.join();
    const circuit_counts counts = breaker.counts();
    EXPECT_EQ(counts.successes, successes.load());
    EXPECT_EQ(counts.failures, failures.load());
    EXPECT_EQ(counts.rejected, rejected.load());
    EXPECT_EQ(counts.successes + counts.failures + counts.rejected, std::uint64_t{2} * callers * calls);
}

} // namespace
} // namespace weft
