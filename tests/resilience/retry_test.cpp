// SPDX-License-Identifier: BSL-1.0
#include "resilience/until_parked.hpp"

#include <weft/resilience/retry.hpp>

#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;
using test::complaint;

using retries = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, retries, test::all_worker_counts(), test::workers_name);

constexpr auto forever = clock::duration::max();

TEST(policy, DelaysGrowUpToTheLongest) {
    const policy how{.base = 100ms, .factor = 2, .max = 1s};
    EXPECT_EQ(detail::back_off(how, 1), 100ms);
    EXPECT_EQ(detail::back_off(how, 2), 200ms);
    EXPECT_EQ(detail::back_off(how, 4), 800ms);
    EXPECT_EQ(detail::back_off(how, 5), 1s);
    EXPECT_EQ(detail::back_off({.base = 3s, .max = 1s}, 1), 1s);
}

TEST(policy, DelaysDoNotOverflow) {
    const std::size_t most = std::numeric_limits<std::size_t>::max();
    EXPECT_EQ(detail::back_off({.max = 60s}, most), 60s);
    EXPECT_EQ(detail::back_off({.max = forever}, most), forever);
    EXPECT_EQ(detail::back_off({.base = forever, .factor = 1, .max = forever}, most), forever);
    EXPECT_EQ(detail::back_off({.base = 0ns, .factor = 1e300, .max = forever}, most), 0ns);
    EXPECT_EQ(detail::back_off({.base = 5ms, .factor = 1}, most), 5ms);
}

TEST(policy, JitterGoesFromNothingToTheDelay) {
    const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    EXPECT_EQ(detail::spread(100ns, 0), 0ns);
    EXPECT_EQ(detail::spread(100ns, most), 100ns);
    EXPECT_EQ(detail::spread(100ns, most / 2 + 1), 50ns);
    EXPECT_EQ(detail::spread(0ns, most), 0ns);
    EXPECT_EQ(detail::spread(forever, 0), 0ns);
    EXPECT_GT(detail::spread(forever, most), forever - 1h);
}

TEST(policy, NonsenseIsNamed) {
    const auto refusal = [](const policy& how) {
        return complaint<std::invalid_argument>([&] { retry(how, [] { FAIL(); }); });
    };
    EXPECT_EQ(refusal({.attempts = 0}), "retry: attempts is 0; there must be at least one");
    EXPECT_EQ(refusal({.base = -5ns}), "retry: base is negative: -5 ns");
    EXPECT_EQ(refusal({.max = -1us}), "retry: max is negative: -1000 ns");
    EXPECT_EQ(refusal({.factor = 0.5}), "retry: factor is less than 1: 0.5");
    EXPECT_EQ(
        refusal({.factor = std::numeric_limits<double>::quiet_NaN()}), "retry: factor is less than 1: nan");
}

TEST_P(retries, UntilItSucceeds) {
    run([] {
        std::vector<std::size_t> seen;
        const auto result = retry({.attempts = 5, .base = 0ns}, [&](std::size_t number) {
            seen.push_back(number);
            if (number < 3) throw std::runtime_error("not yet");
            return std::make_unique<int>(7);
        });
        EXPECT_EQ(*result, 7);
        EXPECT_EQ(seen, (std::vector<std::size_t>{1, 2, 3}));
    });
}

TEST_P(retries, GivesVoidAndReferences) {
    run([] {
        int calls = 0;
        retry(weft::policy{.attempts = 2}, [&] { ++calls; });
        EXPECT_EQ(&retry({.attempts = 3}, [&]() -> int& { return calls; }), &calls);
        EXPECT_EQ(calls, 1);
    });
}

TEST_P(retries, TheLastFailureGoesOnAsItIs) {
    run([] {
        struct mine {
            std::size_t number;
        };
        try {
            retry({.attempts = 3, .base = 1us}, [](std::size_t number) { throw mine{number}; });
            FAIL();
        } catch (const mine& thrown) {
            EXPECT_EQ(thrown.number, 3U);
        }
    });
}

TEST_P(retries, OnlyWhatIsWorthIt) {
    run([] {
        int calls = 0;
        const auto not_logic = [](const std::exception_ptr& failure) {
            try {
                std::rethrow_exception(failure);
            } catch (const std::logic_error&) {
                return false;
            } catch (...) {
                return true;
            }
        };
        EXPECT_THROW(retry({.attempts = 9, .base = 0ns, .retry_if = not_logic},
                         [&] {
                             if (++calls == 2) throw std::logic_error("enough");
                             throw std::runtime_error("again");
                         }),
            std::logic_error);
        EXPECT_EQ(calls, 2);
    });
}

TEST_P(retries, TimedOutButNotCancelled) {
    run([] {
        int calls = 0;
        EXPECT_EQ(retry({.base = 0ns},
                      [&] {
                          if (++calls == 1) with_timeout(0ns, [] { sleep(24h); });
                          return calls;
                      }),
            2);
        calls = 0;
        EXPECT_THROW(retry({.base = 0ns},
                         [&] {
                             ++calls;
                             throw cancelled();
                         }),
            cancelled);
        EXPECT_EQ(calls, 1);
    });
}

TEST_P(retries, AnOuterDeadlineEndsTheWait) {
    run([] {
        int calls = 0;
        EXPECT_THROW(with_timeout(1ms,
                         [&] {
                             retry({.base = 24h, .max = 24h, .jitter = jitter::none}, [&] {
                                 ++calls;
                                 throw std::runtime_error("again");
                             });
                         }),
            timed_out);
        EXPECT_EQ(calls, 1);
    });
}

TEST_P(retries, CancellingTheFiberEndsTheWait) {
    run([] {
        auto waiting = go([] {
            retry(
                {.base = 24h, .max = 24h, .jitter = jitter::none}, [] { throw std::runtime_error("again"); });
        });
        test::until_parked(waiting);
        waiting.cancel();
        EXPECT_THROW(waiting.join(), cancelled);
    });
}

} // namespace
} // namespace weft
