// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <weft/coroutine.hpp>
#include <weft/waiting/race_edges.hpp>

#include <atomic>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weft {
namespace {

// Compilers take a thread's id for a constant of the function, a coroutine's across its suspensions as well (clang 14 does).
[[gnu::noinline]] std::thread::id thread_now() {
    asm volatile("");
    return std::this_thread::get_id();
}

using coroutine_ = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, coroutine_, test::all_worker_counts(), test::workers_name);

// Somebody else's coroutine: starts at once and destroys itself.
struct foreign {
    struct promise_type {
        foreign get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
};

// Resumes whoever awaits it from a thread of its own.
class on_a_thread {
public:
    explicit on_a_thread(std::vector<std::thread>& threads) : threads_(threads) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> by) {
        threads_.emplace_back([by] { by.resume(); });
    }
    std::thread::id await_resume() const noexcept { return thread_now(); }

private:
    std::vector<std::thread>& threads_;
};

void join_all(std::vector<std::thread>& threads) {
    for (std::thread& each : threads) each.join();
}

task<int> answer() { co_return 42; }
task<int> sum_of(channel<int> from) {
    int sum = 0;
    while (const auto value = co_await from) sum += *value;
    co_return sum;
}
task<int> failing() {
    throw std::runtime_error("a task's");
    co_return 0; // NOLINT: it makes it a coroutine
}

TEST_P(coroutine_, ATaskIsAFunctionToBeCalledOnce) {
    run([] {
        task<int> t = answer();
        EXPECT_EQ(std::move(t)(), 42);
        EXPECT_THROW(std::move(t)(), std::logic_error); // NOLINT(bugprone-use-after-move)
        EXPECT_EQ(go(answer()).join(), 42);
        EXPECT_EQ(when_all(answer(), answer()), (std::tuple(42, 42)));
        task<int> a = answer();
        task<int> b = answer();
        EXPECT_EQ(when_all(std::move(a), std::move(b)), (std::tuple(42, 42)));
    });
}

TEST_P(coroutine_, ATaskIsLazy) {
    run([] {
        bool begun = false;
        const auto body = [&]() -> task<> {
            begun = true;
            co_return;
        };
        { const task<> never_run = body(); }
        EXPECT_FALSE(begun);
        body()();
        EXPECT_TRUE(begun);
    });
}

TEST_P(coroutine_, ResultsMayBeMoveOnlyOrReferences) {
    run([] {
        EXPECT_EQ(*[]() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); }()(), 3);
        int place = 1;
        const auto same = [&]() -> task<int&> { co_return place; };
        EXPECT_EQ(&same()(), &place);
        const auto outer = [&]() -> task<int*> { co_return &(co_await same()); };
        EXPECT_EQ(outer()(), &place);
    });
}

TEST_P(coroutine_, WhatLeavesATaskComesOutOfTheCallAndOfTheAwait) {
    run([] {
        EXPECT_THROW(failing()(), std::runtime_error);
        EXPECT_THROW(go(failing()).join(), std::runtime_error);
        const auto outer = []() -> task<std::string> {
            try {
                co_await failing();
            } catch (const std::runtime_error& error) {
                co_return error.what();
            }
            co_return "nothing";
        };
        EXPECT_EQ(outer()(), "a task's");
    });
}

TEST_P(coroutine_, ATaskAwaitsWhatWeftHas) {
    run([] {
        channel<int> numbers(0);
        cancel_source stop;
        fiber<void> sender = go([&] {
            for (int i = 1; i <= 100; ++i) numbers.send(i);
            numbers.close();
        });
        const auto body = [&]() -> task<std::string> {
            EXPECT_EQ(co_await sum_of(numbers), 5050);
            co_await sender;
            EXPECT_EQ(co_await go([] { return 6; }), 6);
            EXPECT_FALSE(co_await receiver<int>(numbers));
            const fiber_id self = this_fiber::id();
            EXPECT_EQ(co_await async([] { return this_fiber::id(); }), self);
            fiber<void> canceller = go([&] { stop.cancel(); });
            co_await stop.token();
            co_await std::move(canceller);
            co_return "done";
        };
        EXPECT_EQ(body()(), "done");
        EXPECT_TRUE(stop.stop_requested());
    });
}

TEST_P(coroutine_, ManyAwaitsUseNoStack) {
    run([] {
        constexpr int count = race_detector ? 100'000 : 1'000'000;
        const auto one = []() -> task<int> { co_return 1; };
        const auto loop = [&]() -> task<int> {
            int sum = 0;
            for (int i = 0; i < count; ++i) sum += co_await one();
            co_return sum;
        };
        EXPECT_EQ(go({.stack_size = 16 << 10}, loop()).join(), count);
    });
}

TEST_P(coroutine_, ATaskMayBeResumedByAnotherThread) {
    run([] {
        std::vector<std::thread> threads;
        const auto inner = [&]() -> task<int> {
            const std::thread::id before = thread_now();
            EXPECT_NE(co_await on_a_thread(threads), before);
            co_return 20;
        };
        const auto outer = [&]() -> task<int> {
            int sum = 1;
            sum += co_await inner();
            sum += co_await inner();
            co_return sum + co_await answer();
        };
        fiber<int> f = go(outer());
        EXPECT_EQ(f.join(), 83); // 1 + 20 + 20 + 42
        join_all(threads);
    });
}

TEST_P(coroutine_, AnExceptionCrossesThreads) {
    run([] {
        std::vector<std::thread> threads;
        const auto body = [&]() -> task<> {
            co_await on_a_thread(threads);
            co_await failing();
        };
        EXPECT_THROW(body()(), std::runtime_error);
        join_all(threads);
    });
}

TEST_P(coroutine_, NoCancellationEndsTheWaitForACoroutineThatLives) {
    run([] {
        std::coroutine_handle<> suspended;
        struct kept {
            std::coroutine_handle<>& place;
            channel<unit> told;
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> by) {
                place = by;
                told.send({});
            }
            void await_resume() const noexcept {}
        };
        const channel<unit> told(1);
        const auto body = [&]() -> task<int> {
            co_await kept{suspended, told};
            co_return 5;
        };
        fiber<int> f = go(body());
        told.recv();
        f.cancel();
        for (int i = 0; i < 10; ++i) yield();
        suspended.resume();
        EXPECT_EQ(f.join(), 5);
    });
}

TEST_P(coroutine_, ACancelledFiberCancelsWhatItsTaskAwaits) {
    run([] {
        const channel<int> nothing(0);
        fiber<int> f = go(sum_of(nothing));
        f.cancel();
        EXPECT_THROW(f.join(), cancelled);
    });
}

foreign await_each(channel<int> from, cancel_token token, channel<std::string> events) {
    fiber<int> joined = go([] { return 1; });
    events.send("join " + std::to_string(co_await joined));
    events.send("join " + std::to_string(co_await go([] { return 2; })));
    while (const auto value = co_await from) events.send("value " + std::to_string(*value));
    EXPECT_FALSE(co_await receiver<int>(from));
    co_await token;
    events.send("token");
    events.send("async " + std::to_string(co_await async([] { return 3; })));
    events.send("task " + std::to_string(co_await async(answer())));
    events.send("task " + std::to_string(co_await answer()));
    try {
        co_await async([] { throw std::runtime_error("thrown"); });
    } catch (const std::runtime_error& error) {
        events.send(error.what());
    }
    events.close();
}

std::vector<std::string> expect_all_events(
    channel<int> numbers, cancel_source stop, channel<std::string> events) {
    std::vector<std::string> seen;
    const auto next = [&] { seen.push_back(events.recv().value_or("closed")); };
    next();
    next();
    for (int i = 7; i < 9; ++i) {
        numbers.send(i);
        next();
    }
    numbers.close();
    stop.cancel();
    for (int i = 0; i < 6; ++i) next();
    return seen;
}
const std::vector<std::string> all_events{
    "join 1", "join 2", "value 7", "value 8", "token", "async 3", "task 42", "task 42", "thrown", "closed"};

TEST_P(coroutine_, AnyCoroutineAwaitsWhatWeftHas) {
    run([] {
        const channel<int> numbers(0);
        const cancel_source stop;
        const channel<std::string> events(0);
        fiber<void> starter = go([&] { await_each(numbers, stop.token(), events); });
        EXPECT_EQ(expect_all_events(numbers, stop, events), all_events);
        starter.join();
    });
}

TEST_P(coroutine_, AnyCoroutineAwaitsInALoopWithoutStack) {
    run([] {
        constexpr int count = 2000;
        const channel<int> result(1);
        const auto body = [](channel<int> to) -> foreign {
            int sum = 0;
            for (int i = 0; i < count; ++i) sum += co_await async([] { return 1; });
            to.send(sum);
        };
        body(result);
        EXPECT_EQ(result.recv(), count);
    });
}

TEST(coroutine, WorksOnPlainThreads) {
    std::vector<std::thread> threads;
    const channel<int> numbers(3);
    for (int i = 1; i <= 3; ++i) numbers.send(i);
    numbers.close();
    const auto body = [&]() -> task<int> {
        const int sum = co_await sum_of(numbers);
        co_await on_a_thread(threads);
        co_return sum + co_await answer();
    };
    EXPECT_EQ(body()(), 48);
    join_all(threads);
}

TEST(coroutine, AnyCoroutineOnAPlainThreadIsNotBlocked) {
    const channel<int> numbers(0);
    const channel<int> to(1);
    const auto body = [](channel<int> from, channel<int> into) -> foreign {
        const auto received = co_await from;
        into.send(*received);
    };
    body(numbers, to); // returns, though nobody has sent
    numbers.send(9);
    EXPECT_EQ(to.recv(), 9);
}

} // namespace
} // namespace weft
