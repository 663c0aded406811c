// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace weft {
namespace {

using fiber_ = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, fiber_, test::all_worker_counts(), test::workers_name);

TEST_P(fiber_, JoinGivesTheResult) {
    run([] {
        EXPECT_EQ(go([] { return 42; }).join(), 42);
        go([] {}).join();
        EXPECT_EQ(go([] { return std::string(100, 'x'); }).join(), std::string(100, 'x'));
    });
}

TEST_P(fiber_, ResultMayBeMoveOnlyOrAReference) {
    run([] {
        EXPECT_EQ(*go([] { return std::make_unique<int>(7); }).join(), 7);
        int value = 1;
        int& same = go([&value]() -> int& { return value; }).join();
        EXPECT_EQ(&same, &value);
    });
}

TEST_P(fiber_, ArgumentsAreDecayCopied) {
    run([] {
        auto moved = std::make_unique<int>(3);
        EXPECT_EQ(go([](std::unique_ptr<int> p, int i) { return *p + i; }, std::move(moved), 4).join(), 7);
        std::string text = "before";
        auto f = go([](const std::string& copy) { return copy; }, text);
        text = "after";
        EXPECT_EQ(f.join(), "before");
    });
}

TEST_P(fiber_, LargeAndOveraligedFunctionsAreKept) {
    run([] {
        struct alignas(256) wide {
            std::array<int, 1000> numbers{};
        };
        wide all;
        for (int i = 0; i < 1000; ++i) all.numbers[static_cast<std::size_t>(i)] = i;
        auto f = go([all] {
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&all) % 256, 0U);
            int sum = 0;
            for (int n : all.numbers) sum += n;
            return sum;
        });
        EXPECT_EQ(f.join(), 499500);
    });
}

TEST_P(fiber_, JoinRethrowsAndTheFunctionIsDestroyedBefore) {
    run([] {
        auto witness = std::make_shared<int>(0);
        auto f = go([witness]() -> int { throw std::runtime_error("told"); });
        try {
            f.join();
            ADD_FAILURE() << "nothing was thrown";
        } catch (const std::runtime_error& error) {
            EXPECT_STREQ(error.what(), "told");
        }
        EXPECT_FALSE(f.joinable());
        EXPECT_EQ(witness.use_count(), 1);
    });
}

TEST_P(fiber_, HandleMovesAndIsJoinedOnce) {
    run([] {
        fiber<int> empty;
        EXPECT_FALSE(empty.joinable());
        EXPECT_EQ(empty.id(), fiber_id());
        auto f = go([] { return 1; });
        const fiber_id id = f.id();
        EXPECT_NE(id, fiber_id());
        empty = std::move(f);
        EXPECT_FALSE(
            f.joinable()); // NOLINT(bugprone-use-after-move): the state after a move is what is tested
        EXPECT_EQ(empty.id(), id);
        EXPECT_EQ(empty.join(), 1);
        EXPECT_THROW(empty.join(), std::logic_error);
        EXPECT_THROW(empty.detach(), std::logic_error);
        empty.cancel();
    });
}

TEST_P(fiber_, JoiningOneselfIsADeadlockError) {
    run([] {
        fiber<void> f;
        std::atomic<bool> assigned{false};
        f = go([&] {
            while (!assigned.load(std::memory_order_acquire)) yield();
            try {
                f.join();
                ADD_FAILURE() << "nothing was thrown";
            } catch (const std::system_error& error) {
                EXPECT_EQ(error.code(), std::errc::resource_deadlock_would_occur);
            }
        });
        assigned.store(true, std::memory_order_release);
        f.join();
    });
}

TEST_P(fiber_, DetachedFibersRunToTheirEnd) {
    run([] {
        std::atomic<int> done{0};
        for (int i = 0; i < 100; ++i) go([&done] { done.fetch_add(1); }).detach();
        for (int i = 0; i < 100; ++i) static_cast<void>(go([&done] { done.fetch_add(1); }));
        while (done.load() != 200) yield();
    });
}

TEST_P(fiber_, ResultNobodyTakesIsDestroyed) {
    auto witness = std::make_shared<int>(0);
    run([&] {
        for (int i = 0; i < 50; ++i) {
            auto f = go([witness] { return witness; });
            if (i % 2 == 0) sleep(std::chrono::microseconds(1));
        }
    });
    EXPECT_EQ(witness.use_count(), 1);
}

TEST_P(fiber_, KnowsItsNameAndId) {
    run([] {
        EXPECT_EQ(this_fiber::name(), "main");
        std::string name = "worker bee";
        auto f = go({.name = name}, [] {
            EXPECT_TRUE(this_fiber::in_fiber());
            return std::pair(std::string(this_fiber::name()), this_fiber::id());
        });
        name = "changed";
        const fiber_id id = f.id();
        EXPECT_EQ(f.join(), std::pair(std::string("worker bee"), id));
    });
    EXPECT_FALSE(this_fiber::in_fiber());
    EXPECT_EQ(this_fiber::name(), "");
    EXPECT_EQ(this_fiber::id(), fiber_id());
}

TEST_P(fiber_, IdsAreNeverGivenTwice) {
    run([] {
        std::vector<fiber<void>> all;
        for (int i = 0; i < 5000; ++i) all.push_back(go([] {}));
        std::vector<fiber_id> ids;
        for (auto& f : all) ids.push_back(f.id());
        for (auto& f : all) f.join();
        std::sort(ids.begin(), ids.end());
        EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
    });
}

TEST_P(fiber_, StackSizeIsHonoured) {
    run([] {
        const auto fill = [](std::size_t bytes) {
            auto* memory = static_cast<volatile char*>(__builtin_alloca(bytes));
            for (std::size_t i = 0; i < bytes; i += 512) memory[i] = 1;
            return memory[0];
        };
        EXPECT_EQ(go({.stack_size = 4 << 20}, [&] { return fill((4 << 20) - 8192); }).join(), 1);
        EXPECT_EQ(go({.stack_size = 16 << 10}, [&] { return fill(8 << 10); }).join(), 1);
        EXPECT_EQ(go([&] { return fill(200 << 10); }).join(), 1);
    });
}

TEST_P(fiber_, AbsurdStackSizeIsRefusedBeforeAnythingStarts) {
    run([] {
        auto witness = std::make_shared<int>(0);
        EXPECT_THROW(static_cast<void>(go({.stack_size = SIZE_MAX}, [witness] {})), stack_unavailable);
        EXPECT_EQ(witness.use_count(), 1);
    });
}

TEST_P(fiber_, FunctionThatThrowsWhenMovedStartsNothing) {
    struct unmovable {
        unmovable() = default;
        unmovable(const unmovable&) { throw std::runtime_error("not moved"); }
        void operator()() const { ADD_FAILURE() << "it ran"; }
    };
    run([] {
        const unmovable function;
        for (int i = 0; i < 100; ++i) EXPECT_THROW(static_cast<void>(go(function)), std::runtime_error);
    });
}

TEST_P(fiber_, JoinFromAPlainThread) {
    run([] {
        std::atomic<bool> go_on{false};
        auto f = go([&] {
            while (!go_on.load()) yield();
            return 5;
        });
        std::atomic<int> got{0};
        std::thread joiner([&] { got.store(f.join()); });
        go_on.store(true);
        while (got.load() == 0) yield();
        joiner.join();
        EXPECT_EQ(got.load(), 5);
    });
}

TEST_P(fiber_, TreeOfTenThousand) {
    struct tree {
        static long sum(long first, long leaves) {
            if (leaves == 1) return first;
            std::vector<fiber<long>> children;
            for (long i = 0; i < 10; ++i)
                children.push_back(go([=] { return sum(first + i * leaves / 10, leaves / 10); }));
            long total = 0;
            for (auto& child : children) total += child.join();
            return total;
        }
    };
    run([] { EXPECT_EQ(tree::sum(0, 10000), 49995000); });
}

TEST_P(fiber_, YieldLetsTheOthersRun) {
    run([] {
        std::atomic<int> turn{0};
        std::vector<fiber<void>> all;
        for (int me = 0; me < 3; ++me)
            all.push_back(go([&turn, me] {
                for (int round = 0; round < 100; ++round) {
                    while (turn.load(std::memory_order_acquire) % 3 != me) yield();
                    turn.fetch_add(1, std::memory_order_acq_rel);
                }
            }));
        for (auto& f : all) f.join();
        EXPECT_EQ(turn.load(), 300);
    });
}

// Those beyond the ring wait in the shared queues, where the fairness tick alone would serve them at a sixtieth of the rate.
// On one worker, since with more the operating system decides how far their threads drift apart.
TEST(Yield, ThousandFibersShareAWorker) {
    weft::run(
        [] {
            constexpr int count = 1000;
            std::vector<int> rounds(count, 0);
            bool stop = false;
            std::vector<fiber<void>> all;
            for (int i = 0; i < count; ++i)
                all.push_back(go([&, i] {
                    while (!stop) {
                        if (++rounds[static_cast<std::size_t>(i)] == 100) stop = true;
                        yield();
                    }
                }));
            for (auto& f : all) f.join();
            EXPECT_GT(*std::min_element(rounds.begin(), rounds.end()), 0);
        },
        {.workers = 1});
}

} // namespace
} // namespace weft
