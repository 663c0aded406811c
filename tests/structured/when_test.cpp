// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <variant>

namespace weft {
namespace {

using namespace std::chrono_literals;

using when = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, when, test::all_worker_counts(), test::workers_name);

TEST_P(when, AllGivesEachResult) {
    run([] {
        int here = 5;
        auto [number, text, nothing, moved, place] =
            when_all([] { return 1; }, [] { return std::string("two"); }, [] {},
                [] { return std::make_unique<int>(4); }, [&]() -> int& { return here; });
        EXPECT_EQ(number, 1);
        EXPECT_EQ(text, "two");
        static_assert(std::is_same_v<std::remove_reference_t<decltype(nothing)>, unit>);
        EXPECT_EQ(*moved, 4);
        EXPECT_EQ(&place, &here);
    });
}

TEST_P(when, AllRunsInParallel) {
    run([] {
        const channel<int> between(0); // each needs the other
        auto [sent, got] = when_all(
            [&] {
                between.send(3);
                return true;
            },
            [&] { return between.recv().value_or(0); });
        EXPECT_TRUE(sent);
        EXPECT_EQ(got, 3);
    });
}

TEST_P(when, AllRethrowsTheFirstFailureAndCancelsTheOthers) {
    run([] {
        EXPECT_THROW(
            when_all([] { sleep(24h); }, [] { throw std::runtime_error("one"); }), std::runtime_error);
        EXPECT_THROW(
            when_all([]() -> int { throw std::logic_error("one"); }, [] { sleep(24h); }), std::logic_error);
    });
}

TEST_P(when, AllCallsItsFunctionsWhereTheyAre) {
    run([] {
        struct only_moved {
            std::unique_ptr<int> value = std::make_unique<int>(6);
            int operator()() && { return *value; }
        };
        auto [a, b] = when_all(only_moved(), [] { return 7; });
        EXPECT_EQ(a + b, 13);
    });
}

TEST_P(when, AllIsCancelledWithItsCaller) {
    run([] {
        std::atomic<int> stopped{0};
        const auto waits = [&] {
            try {
                sleep(24h);
            } catch (const cancelled&) {
                ++stopped;
                throw;
            }
        };
        EXPECT_THROW(with_timeout(3ms, [&] { when_all(waits, waits); }), timed_out);
        EXPECT_LE(stopped.load(), 2);
    });
}

TEST_P(when, AnyGivesTheFirstAndJoinsTheLosers) {
    run([] {
        std::atomic<bool> loser_ended{false};
        auto first = when_any(
            [&] {
                try {
                    sleep(24h);
                } catch (const cancelled&) {
                    loser_ended.store(true);
                    throw;
                }
                return std::string("late");
            },
            [] {
                sleep(1ms);
                return 2;
            });
        EXPECT_EQ(first.index, 1U);
        EXPECT_EQ(std::get<1>(first.value), 2);
        EXPECT_TRUE(loser_ended.load());
    });
}

TEST_P(when, AnyRethrowsWhatTheFirstThrew) {
    run([] {
        EXPECT_THROW(
            when_any([] { sleep(24h); }, [] { throw std::runtime_error("first"); }), std::runtime_error);
        auto won = when_any([] {},
            [] {
                sleep(24h);
                throw std::runtime_error("loser");
            });
        EXPECT_EQ(won.index, 0U);
    });
}

TEST_P(when, AnyOfSeveralOfOneTypeTellsWhich) {
    run([] {
        auto first = when_any(
            [] {
                sleep(24h);
                return 0;
            },
            [] {
                sleep(24h);
                return 1;
            },
            [] { return 2; });
        EXPECT_EQ(first.index, 2U);
        EXPECT_EQ(first.value.index(), 2U);
    });
}

TEST_P(when, SettleGivesEachOutcome) {
    run([] {
        auto [good, bad, nothing] =
            settle([] { return 1; }, []() -> int { throw std::runtime_error("bad"); }, [] {});
        EXPECT_TRUE(good.has_value());
        EXPECT_EQ(good.value(), 1);
        EXPECT_EQ(good.error(), nullptr);
        EXPECT_FALSE(bad.has_value());
        EXPECT_THROW(bad.value(), std::runtime_error);
        EXPECT_THROW(std::rethrow_exception(bad.error()), std::runtime_error);
        EXPECT_TRUE(nothing.has_value());
    });
}

TEST_P(when, SettleIsCancelledWithItsCaller) {
    run([] { EXPECT_THROW(with_timeout(2ms, [] { settle([] { sleep(24h); }, [] {}); }), timed_out); });
}

TEST(when_of_a_thread, Works) {
    auto [a, b] = when_all([] { return 1; }, [] { return 2; });
    EXPECT_EQ(a + b, 3);
}

} // namespace
} // namespace weft
