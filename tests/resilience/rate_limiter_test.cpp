// SPDX-License-Identifier: BSL-1.0
#include "resilience/until_parked.hpp"

#include <weft/resilience/rate_limiter.hpp>

#include <atomic>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::token_bucket;

constexpr clock::time_point at(clock::duration since_start) { return clock::time_point(since_start); }
constexpr double a_year = 1.0 / (365 * 24 * 3600);

TEST(token_bucket, IsFullAtFirst) {
    token_bucket bucket(10, 3, at(5s));
    EXPECT_LE(bucket.ready_at(3), at(5s));
    EXPECT_TRUE(bucket.take(2, at(5s)));
    EXPECT_TRUE(bucket.take(1, at(5s)));
    EXPECT_FALSE(bucket.take(1, at(5s)));
    EXPECT_TRUE(bucket.take(0, at(5s)));
}

TEST(token_bucket, FillsAtItsRate) {
    token_bucket bucket(10, 3, at(0s));
    EXPECT_TRUE(bucket.take(3, at(0s)));
    EXPECT_EQ(bucket.ready_at(1), at(100ms));
    EXPECT_EQ(bucket.ready_at(3), at(300ms));
    EXPECT_FALSE(bucket.take(1, at(100ms) - 1ns));
    EXPECT_TRUE(bucket.take(1, at(100ms)));
    EXPECT_EQ(bucket.ready_at(1), at(200ms));
    EXPECT_TRUE(bucket.take(2, at(350ms)));
    EXPECT_EQ(bucket.ready_at(1), at(400ms)); // the half token that was there counts
}

TEST(token_bucket, HoldsNoMoreThanTheBurst) {
    token_bucket bucket(10, 2, at(0s));
    EXPECT_TRUE(bucket.take(2, at(1h)));
    EXPECT_FALSE(bucket.take(1, at(1h)));
    EXPECT_EQ(bucket.ready_at(1), at(1h + 100ms));
}

TEST(token_bucket, DoesNotDrift) {
    const auto after = [](double rate, int tokens) {
        token_bucket bucket(rate, 2, at(0s));
        EXPECT_TRUE(bucket.take(2, at(0s)));
        for (int i = 1; i < tokens; ++i) EXPECT_TRUE(bucket.take(1, bucket.ready_at(1)));
        return static_cast<double>(bucket.ready_at(1).time_since_epoch().count());
    };
    EXPECT_NEAR(after(3, 300'000), 1e14, 2);
    EXPECT_NEAR(after(7e8, 700'000), 1e6, 2); // 1.43 ns each
}

TEST(token_bucket, NonsenseIsNamed) {
    const auto refusal = [](double rate, std::size_t burst) {
        return test::complaint<std::invalid_argument>([&] { const token_bucket made(rate, burst, at(0s)); });
    };
    EXPECT_EQ(refusal(0, 1), "rate_limiter: rate is 0; it must be above 0");
    EXPECT_EQ(refusal(-2, 1), "rate_limiter: rate is -2; it must be above 0");
    EXPECT_EQ(refusal(std::numeric_limits<double>::quiet_NaN(), 1),
        "rate_limiter: rate is nan; it must be above 0");
    EXPECT_EQ(refusal(1, 0), "rate_limiter: burst is 0; there must be at least one");
    EXPECT_EQ(refusal(1e-300, 1), "rate_limiter: a rate of 1e-300 takes too long to fill a burst of 1");
    EXPECT_NE(refusal(1, std::numeric_limits<std::size_t>::max()), "");
}

using limiters = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, limiters, test::all_worker_counts(), test::workers_name);

TEST_P(limiters, MoreThanTheBurstIsRefused) {
    run([] {
        rate_limiter limiter{{.rate = 1, .burst = 4}};
        const std::string refusal = "rate_limiter: 5 tokens at a time, where the burst is 4";
        using wrong = std::invalid_argument;
        EXPECT_EQ(test::complaint<wrong>([&] { limiter.acquire(5); }), refusal);
        EXPECT_EQ(test::complaint<wrong>([&] { static_cast<void>(limiter.try_acquire(5)); }), refusal);
        EXPECT_EQ(
            test::complaint<wrong>([&] { static_cast<void>(limiter.try_acquire_for(1s, 5)); }), refusal);
    });
}

TEST_P(limiters, TakesWhatIsThere) {
    run([] {
        rate_limiter limiter{{.rate = a_year, .burst = 6}};
        limiter.acquire(2);
        EXPECT_TRUE(limiter.try_acquire(2));
        EXPECT_TRUE(limiter.try_acquire_for(-1s));
        EXPECT_TRUE(limiter.try_acquire_until(clock::now() - 1s));
        EXPECT_FALSE(limiter.try_acquire());
        EXPECT_FALSE(limiter.try_acquire_for(24h)); // it cannot come in time
        EXPECT_FALSE(limiter.try_acquire_until(std::chrono::steady_clock::now()));
    });
}

TEST_P(limiters, WaitsForTokens) {
    run([] {
        rate_limiter limiter{{.rate = 10'000, .burst = 2}};
        const auto begun = clock::now();
        for (int i = 0; i < 12; ++i) limiter.acquire();
        EXPECT_GE(clock::now() - begun, 1ms); // never too early
        EXPECT_TRUE(limiter.try_acquire_for(24h, 2));
    });
}

TEST_P(limiters, NobodyOvertakesAndWhoIsCancelledDelaysNobody) {
    run([] {
        rate_limiter limiter{{.rate = 1.0 / 3600, .burst = 10}};
        limiter.acquire(9);
        auto big = go([&] { limiter.acquire(10); });
        test::until_parked(big);
        auto small = go([&] { limiter.acquire(); });
        test::until_parked(small);
        auto late = go([&] { return limiter.try_acquire_for(1ms); });
        EXPECT_FALSE(late.join());
        EXPECT_FALSE(limiter.try_acquire()); // there is one, but others wait
        big.cancel();
        EXPECT_THROW(big.join(), cancelled);
        small.join();
        EXPECT_FALSE(limiter.try_acquire());
    });
}

TEST_P(limiters, ADeadlineEndsTheWait) {
    run([] {
        rate_limiter limiter{{.rate = a_year, .burst = 1}};
        limiter.acquire();
        EXPECT_THROW(with_timeout(1ms, [&] { limiter.acquire(); }), timed_out);
        const cancel_source source;
        source.cancel();
        rate_limiter full{{.rate = a_year, .burst = 1}};
        EXPECT_THROW(([&] {
            const cancel_scope scope{source.token()};
            full.acquire();
        }()),
            cancelled);
        EXPECT_TRUE(full.try_acquire());
    });
}

TEST(rate_limiter, ManyFibersAndThreads) {
    rate_limiter limiter{{.rate = 1e6, .burst = 5}};
    std::atomic<std::size_t> taken{0};
    const auto begun = clock::now();
    const auto work = [&] {
        for (std::size_t i = 0; i < 300; ++i) {
            const std::size_t n = 1 + i % 3;
            if (i % 7 == 0) {
                try {
                    with_timeout(10us, [&] { limiter.acquire(n); });
                    taken.fetch_add(n);
                } catch (const timed_out&) {}
            } else if (i % 5 == 0) {
                if (limiter.try_acquire_for(20us, n)) taken.fetch_add(n);
            } else if (i % 11 == 0) {
                if (limiter.try_acquire(n)) taken.fetch_add(n);
            } else {
                limiter.acquire(n);
                taken.fetch_add(n);
            }
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back(work);
    weft::run(
        [&] {
            task_group group;
            for (int i = 0; i < 8; ++i) group.go(work);
            group.wait();
        },
        {.workers = 4});
    for (auto& each : threads) each.join();
    const double seconds = std::chrono::duration<double>(clock::now() - begun).count();
    EXPECT_LE(static_cast<double>(taken.load()), 5 + seconds * 1e6 + 1);
    EXPECT_TRUE(limiter.try_acquire_for(24h, 5)); // nobody is left in line
}

} // namespace
} // namespace weft
