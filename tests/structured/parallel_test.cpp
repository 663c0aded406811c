// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <atomic>
#include <list>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;

using parallel = test::fibers;
// Not std::views: clang 14 cannot compile libstdc++'s.
std::vector<int> numbers(int count) {
    std::vector<int> made(static_cast<std::size_t>(count));
    std::iota(made.begin(), made.end(), 0);
    return made;
}

INSTANTIATE_TEST_SUITE_P(Workers, parallel, test::all_worker_counts(), test::workers_name);

TEST_P(parallel, ForCallsEachOnceWithAnyLimit) {
    run([] {
        for (const std::size_t limit : {0U, 1U, 3U, 1000U}) {
            std::vector<int> values(100, 1);
            parallel_for(values, limit, [](int& value) {
                yield();
                ++value;
            });
            EXPECT_EQ(std::accumulate(values.begin(), values.end(), 0), 200);
        }
        parallel_for(std::vector<int>(), 3, [](int) { ADD_FAILURE(); });
    });
}

TEST_P(parallel, ForRunsNoMoreThanItsLimit) {
    run([] {
        std::atomic<int> running{0};
        std::atomic<int> most{0};
        parallel_for(std::vector<int>(50), 4, [&](int) {
            const int now = ++running;
            int seen = most.load();
            while (seen < now && !most.compare_exchange_weak(seen, now)) continue;
            yield();
            --running;
        });
        EXPECT_LE(most.load(), 4);
    });
}

TEST_P(parallel, MapKeepsTheOrder) {
    run([] {
        const std::vector<std::string> squares = parallel_map(numbers(40), 8, [](int i) {
            for (int k = 0; k < i % 5; ++k) yield();
            return std::to_string(i * i);
        });
        ASSERT_EQ(squares.size(), 40U);
        for (std::size_t i = 0; i < squares.size(); ++i) EXPECT_EQ(squares[i], std::to_string(i * i));
        const std::vector<bool> odd =
            parallel_map(std::list<int>{1, 2, 3}, 0, [](int i) { return i % 2 != 0; });
        EXPECT_EQ(odd, (std::vector<bool>{true, false, true}));
    });
}

TEST_P(parallel, MapTakesResultsThatCanOnlyBeMoved) {
    run([] {
        auto made = parallel_map(std::vector<int>{1, 2}, 2, [](int i) { return std::make_unique<int>(i); });
        EXPECT_EQ(*made[1], 2);
    });
}

TEST_P(parallel, TakesRangesThatCanBeWalkedOnce) {
    run([] {
        const auto doubled = parallel_map(generator<int>([](auto& yield_value) {
            for (int i = 1; i <= 5; ++i) yield_value(i);
        }),
            2, [](int i) { return i * 2; });
        EXPECT_EQ(doubled, (std::vector<int>{2, 4, 6, 8, 10}));
        channel<int> values(4);
        for (int i = 0; i < 4; ++i) values.send(i);
        values.close();
        std::atomic<int> sum{0};
        parallel_for(values, 3, [&](int i) { sum += i; });
        EXPECT_EQ(sum.load(), 6);
    });
}

TEST_P(parallel, AFailureStopsTheRest) {
    run([] {
        std::atomic<int> called{0};
        EXPECT_THROW(parallel_for(numbers(1'000'000), 2,
                         [&](int i) {
                             ++called;
                             if (i == 10) throw std::runtime_error("at 10");
                         }),
            std::runtime_error);
        EXPECT_LT(called.load(), 1'000'000);
        EXPECT_THROW(parallel_map(std::vector<int>{1, 2, 3}, 0,
                         [](int i) -> int {
                             if (i == 2) throw std::runtime_error("at 2");
                             sleep(24h);
                             return i;
                         }),
            std::runtime_error);
    });
}

TEST_P(parallel, IsCancelledWithItsCaller) {
    run([] {
        EXPECT_THROW(
            with_timeout(2ms, [] { parallel_for(std::vector<int>(10), 3, [](int) { sleep(24h); }); }),
            timed_out);
    });
}

} // namespace
} // namespace weft
