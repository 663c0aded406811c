// SPDX-License-Identifier: BSL-1.0
#include "fiber/sanitizer_fiber.hpp"
#include "support/fibers_test.hpp"

#include <weft/generator.hpp>
#include <weft/waiting/park.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <exception>
#include <memory>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weft {
namespace {

using generator_ = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, generator_, test::all_worker_counts(), test::workers_name);

static_assert(std::ranges::input_range<generator<int>>);
static_assert(std::ranges::input_range<generator<int&>>);
static_assert(std::ranges::input_range<generator<std::unique_ptr<int>>>);
static_assert(std::movable<generator<int>> && !std::copyable<generator<int>>);
static_assert(std::is_same_v<std::ranges::range_reference_t<generator<std::string>>, std::string&&>);
static_assert(std::is_same_v<std::ranges::range_reference_t<generator<const int&>>, const int&>);

generator<int> numbers(int end) {
    return [end](auto& yield) {
        for (int i = 0; i < end; ++i) yield(i);
    };
}

template <class T>
std::vector<T> all_of(generator<T>& from) {
    std::vector<T> all;
    for (auto&& value : from) all.push_back(std::forward<decltype(value)>(value));
    return all;
}

// Counts those that live.
struct counted {
    explicit counted(int& alive) : alive_(alive) { ++alive_; }
    ~counted() { --alive_; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    int& alive_;
};

TEST_P(generator_, GivesItsValuesInOrderAndThenEnds) {
    run([] {
        generator<int> g = numbers(5);
        EXPECT_EQ(all_of(g), (std::vector{0, 1, 2, 3, 4}));
        EXPECT_TRUE(g.begin() == g.end());
        generator<int> none = numbers(0);
        EXPECT_TRUE(none.begin() == none.end());
    });
}

TEST_P(generator_, BodyAndConsumerTakeTurns) {
    run([] {
        std::string events;
        generator<char> g([&](auto& yield) {
            events += '1';
            yield('a');
            events += '2';
            yield('b');
            events += '3';
        });
        EXPECT_EQ(events, "");
        for (const char each : g) events += each;
        EXPECT_EQ(events, "1a2b3");
    });
}

TEST_P(generator_, BeginGoesOnWhereItIs) {
    run([] {
        generator<int> g = numbers(3);
        auto at = g.begin();
        ++at;
        EXPECT_EQ(*g.begin(), 1);
        EXPECT_EQ(*at, 1);
    });
}

TEST_P(generator_, ValuesMayBeMoveOnly) {
    run([] {
        generator<std::unique_ptr<int>> g([](auto& yield) {
            for (int i = 0; i < 3; ++i) yield(std::make_unique<int>(i));
        });
        int expected = 0;
        for (std::unique_ptr<int> value : g) EXPECT_EQ(*value, expected++);
        EXPECT_EQ(expected, 3);
    });
}

TEST_P(generator_, ValuesMayBeReferences) {
    run([] {
        std::array<int, 3> place{1, 2, 3};
        generator<int&> g([&](auto& yield) {
            for (int& each : place) yield(each);
        });
        for (int& each : g) each *= 10;
        EXPECT_EQ(place, (std::array{10, 20, 30}));
        generator<const std::string&> words([](auto& yield) { yield("temporary"); });
        EXPECT_EQ(*words.begin(), "temporary");
    });
}

TEST_P(generator_, AnLvalueIsCopied) {
    run([] {
        std::string kept = "kept, and long enough to be on the heap";
        generator<std::string> g([&](auto& yield) { yield(kept); });
        const std::string taken = *g.begin();
        EXPECT_EQ(taken, kept);
    });
}

struct tree {
    int value;
    std::unique_ptr<tree> left, right;
};

std::unique_ptr<tree> make_tree(int low, int high) {
    if (low >= high) return nullptr;
    const int middle = (low + high) / 2;
    return std::make_unique<tree>(tree{middle, make_tree(low, middle), make_tree(middle + 1, high)});
}

void walk(const tree* node, generator<int>::yielder& yield) {
    if (node == nullptr) return;
    walk(node->left.get(), yield);
    yield(node->value);
    walk(node->right.get(), yield);
}

generator<int> nested_walk(const tree* node) {
    return [node](auto& yield) {
        if (node == nullptr) return;
        for (const int each : nested_walk(node->left.get())) yield(each);
        yield(node->value);
        for (const int each : nested_walk(node->right.get())) yield(each);
    };
}

TEST_P(generator_, WalksATreeByRecursion) {
    run([] {
        const auto root = make_tree(0, 200);
        int expected = 0;
        generator<int> plain([&](auto& yield) { walk(root.get(), yield); });
        for (const int each : plain) EXPECT_EQ(each, expected++);
        EXPECT_EQ(expected, 200);
        expected = 0;
        for (const int each : nested_walk(root.get())) EXPECT_EQ(each, expected++);
        EXPECT_EQ(expected, 200);
    });
}

TEST_P(generator_, WhatLeavesTheBodyComesOutOfTheStepAndEndsTheRange) {
    run([] {
        generator<int> at_once([](auto&) { throw std::runtime_error("at once"); });
        EXPECT_THROW(at_once.begin(), std::runtime_error);
        EXPECT_TRUE(at_once.begin() == at_once.end());

        generator<int> later([](auto& yield) {
            yield(1);
            throw std::runtime_error("later");
        });
        auto at = later.begin();
        EXPECT_EQ(*at, 1);
        EXPECT_THROW(++at, std::runtime_error);
        EXPECT_TRUE(at == later.end());
        ++at;
        EXPECT_TRUE(at == later.end());
    });
}

TEST_P(generator_, DestroyedEarlyUnwindsItsBody) {
    run([] {
        int alive = 0;
        {
            generator<int> g([&](auto& yield) {
                const counted here(alive);
                for (int i = 0;; ++i) yield(i);
            });
            EXPECT_EQ(alive, 0);
            auto at = g.begin();
            ++at;
            EXPECT_EQ(alive, 1);
            generator<int> moved = std::move(g);
            EXPECT_EQ(*moved.begin(), 1);
            EXPECT_THROW(g.begin(), std::logic_error); // NOLINT(bugprone-use-after-move)
        }
        EXPECT_EQ(alive, 0);
    });
}

TEST_P(generator_, AssignmentUnwindsTheOldBody) {
    run([] {
        int alive = 0;
        generator<int> g([&](auto& yield) {
            const counted here(alive);
            yield(1);
        });
        g.begin();
        EXPECT_EQ(alive, 1);
        g = numbers(2);
        EXPECT_EQ(alive, 0);
        EXPECT_EQ(all_of(g).size(), 2U);
    });
}

TEST_P(generator_, ABodyThatSwallowsItsEndIsToldAgain) {
    run([] {
        int told = 0;
        {
            generator<int> g([&](auto& yield) {
                for (int i = 0; i < 3; ++i) {
                    try {
                        yield(i);
                    } catch (...) {
                        ++told;
                    }
                }
            });
            g.begin();
        }
        EXPECT_EQ(told, 3);
    });
}

TEST_P(generator_, DestroyedWhileItsConsumerUnwinds) {
    run([] {
        int alive = 0;
        int in_flight = -1;
        try {
            generator<int> g([&](auto& yield) {
                const counted here(alive);
                try {
                    yield(1);
                } catch (...) {
                    in_flight = std::uncaught_exceptions();
                    throw;
                }
            });
            g.begin();
            throw std::runtime_error("the consumer's");
        } catch (const std::runtime_error& error) {
            EXPECT_STREQ(error.what(), "the consumer's");
        }
        EXPECT_EQ(alive, 0);
        EXPECT_EQ(in_flight, 0);
        EXPECT_EQ(std::uncaught_exceptions(), 0);
    });
}

TEST_P(generator_, StepsAreTakenWhileTheConsumerUnwinds) {
    run([] {
        struct at_unwinding {
            generator<int>& from;
            int& sum;
            ~at_unwinding() {
                EXPECT_EQ(std::uncaught_exceptions(), 1);
                for (const int each : from) sum += each;
                EXPECT_EQ(std::uncaught_exceptions(), 1);
            }
        };
        generator<int> g([](auto& yield) {
            for (int i = 1; i <= 4; ++i) {
                EXPECT_EQ(std::uncaught_exceptions(), 0);
                try {
                    throw i;
                } catch (const int thrown) {
                    yield(thrown);
                }
            }
        });
        int sum = 0;
        try {
            const at_unwinding at{g, sum};
            throw 1;
        } catch (int) {}
        EXPECT_EQ(sum, 10);
    });
}

TEST_P(generator_, BlockingInItIsShieldedWhileTheConsumerUnwinds) {
    run([] {
        cancel_source stop;
        int received = 0;
        channel<int> values(4);
        generator<int> g([&](auto& yield) {
            for (;;) yield(*values.recv());
        });
        struct at_unwinding {
            generator<int>& from;
            int& to;
            ~at_unwinding() { to = *from.begin(); }
        };
        values.send(7);
        try {
            const cancel_scope scope(stop.token());
            const at_unwinding at{g, received};
            stop.cancel();
            cancellation_point();
        } catch (const cancelled&) {}
        EXPECT_EQ(received, 7);
    });
}

TEST_P(generator_, CancellationOfTheConsumerReachesTheBody) {
    run([] {
        channel<int> nothing(0);
        generator<int> g([&](auto& yield) { yield(*nothing.recv()); });
        EXPECT_THROW(with_timeout(std::chrono::milliseconds(1), [&] { g.begin(); }), timed_out);
        EXPECT_TRUE(g.begin() == g.end());
    });
}

TEST_P(generator_, YieldsFromWithinACatchBlock) {
    run([] {
        generator<int> g([](auto& yield) {
            try {
                throw std::runtime_error("the body's");
            } catch (const std::exception&) {
                yield(1);
                yield(2);
                try {
                    throw;
                } catch (const std::exception& again) {
                    EXPECT_STREQ(again.what(), "the body's");
                }
            }
            yield(3);
        });
        auto at = g.begin();
        EXPECT_EQ(std::current_exception(), nullptr);
        try {
            throw 5;
        } catch (...) {
            ++at;
            EXPECT_EQ(*at, 2);
            try {
                throw;
            } catch (const int own) {
                EXPECT_EQ(own, 5);
            }
        }
        ++at;
        EXPECT_EQ(*at, 3);
        ++at;
        EXPECT_TRUE(at == g.end());
    });
}

TEST_P(generator_, ABodyThatBlocksParksItsConsumer) {
    run([] {
        constexpr int rounds = 200;
        constexpr int consumers = 8;
        std::vector<fiber<int>> all;
        std::vector<channel<int>> sources;
        for (int c = 0; c < consumers; ++c) {
            sources.emplace_back(std::size_t{0});
            all.push_back(go([from = sources.back()] {
                const fiber_id self = this_fiber::id();
                generator<int> g([&](auto& yield) {
                    while (const auto value = from.recv()) {
                        EXPECT_EQ(this_fiber::id(), self);
                        try {
                            throw *value;
                        } catch (const int thrown) {
                            weft::yield();
                            yield(thrown);
                        }
                    }
                });
                int sum = 0;
                for (const int each : g) {
                    weft::yield();
                    sum += each;
                }
                EXPECT_EQ(std::uncaught_exceptions(), 0);
                return sum;
            }));
        }
        for (int i = 0; i < rounds; ++i)
            for (const auto& each : sources) each.send(i);
        for (const auto& each : sources) each.close();
        for (auto& each : all) EXPECT_EQ(each.join(), rounds * (rounds - 1) / 2);
    });
}

TEST_P(generator_, StepsMayBeTakenByOthers) {
    run([] {
        generator<std::uint64_t> g([](auto& yield) {
            for (;;) {
                try {
                    throw 1;
                } catch (int) {
                    yield(this_fiber::id().value());
                }
            }
        });
        EXPECT_EQ(*g.begin(), this_fiber::id().value());
        go([&] {
            auto at = g.begin();
            ++at;
            EXPECT_EQ(*at, this_fiber::id().value());
        }).join();
        std::thread([&] {
            auto at = g.begin();
            ++at;
            EXPECT_EQ(*at, 0U);
        }).join();
        auto at = g.begin();
        ++at;
        EXPECT_EQ(*at, this_fiber::id().value());
        std::thread([moved = std::move(g)] {}).join();
    });
}

TEST_P(generator_, ManyDestroyedEarlyLeaveNothing) {
    run([] {
        constexpr int count = sanitized_address || sanitized_thread ? 5000 : 100'000;
        int alive = 0;
        for (int i = 0; i < count; ++i) {
            generator<int> g([&](auto& yield) {
                const counted here(alive);
                const auto memory = std::make_unique<int>(i);
                yield(*memory);
            });
            EXPECT_EQ(*g.begin(), i);
        }
        EXPECT_EQ(alive, 0);
    });
}

TEST_P(generator_, ManyMayBeSuspendedAtATime) {
    run([] {
        std::vector<generator<int>> all;
        for (int i = 0; i < 1000; ++i) {
            all.push_back(numbers(3));
            EXPECT_EQ(*all.back().begin(), 0);
        }
        for (auto& each : all) EXPECT_EQ(all_of(each).size(), 3U);
    });
}

TEST_P(generator_, UsedFromWithinItsBodyIsALogicError) {
    run([] {
        generator<int>* self = nullptr;
        generator<int>::iterator at;
        generator<int> g([&](auto& yield) {
            yield(1);
            EXPECT_THROW(++at, std::logic_error);
            EXPECT_THROW(self->begin(), std::logic_error);
            yield(2);
        });
        self = &g;
        at = g.begin();
        ++at;
        EXPECT_EQ(*at, 2);
    });
}

TEST_P(generator_, YieldFromAnotherStackIsALogicError) {
    run([] {
        generator<int>::yielder* leaked = nullptr;
        generator<int> g([&](auto& yield) {
            leaked = &yield;
            EXPECT_THROW(go([&] { yield(0); }).join(), std::logic_error);
            generator<int> inner([&](auto&) { yield(0); });
            EXPECT_THROW(inner.begin(), std::logic_error);
            yield(1);
        });
        EXPECT_EQ(*g.begin(), 1);
        EXPECT_THROW((*leaked)(2), std::logic_error);
    });
}

TEST_P(generator_, ADumpShowsTheBodyAConsumerIsParkedIn) {
    run([] {
        channel<int> values(0);
        fiber<void> parked = go({.name = "consumer"}, [&] {
            generator<int> g([&](auto& yield) { yield(*values.recv()); });
            EXPECT_EQ(*g.begin(), 1);
        });
        std::string text;
        do {
            weft::yield();
            std::ostringstream out;
            debug::dump(out);
            text = out.str();
        } while (text.find("parked") == std::string::npos);
        EXPECT_NE(text.find("'consumer'"), std::string::npos);
        values.send(1);
        parked.join();
    });
}

TEST(generator, WorksOnPlainThreads) {
    const auto root = make_tree(0, 20);
    int expected = 0;
    for (const int each : nested_walk(root.get())) EXPECT_EQ(each, expected++);
    EXPECT_EQ(expected, 20);
    channel<int> values(1);
    generator<int> g([&](auto& yield) {
        while (const auto value = values.recv()) yield(*value);
    });
    std::thread sender([&] {
        for (int i = 0; i < 100; ++i) values.send(i);
        values.close();
    });
    expected = 0;
    for (const int each : g) EXPECT_EQ(each, expected++);
    EXPECT_EQ(expected, 100);
    sender.join();
}

TEST(generator, OutlivesTheRuntimeItWasBegunIn) {
    generator<int> g = run([] {
        generator<int> begun = numbers(3);
        begun.begin();
        return begun;
    });
    EXPECT_EQ(all_of(g).size(), 3U);
}

TEST(generator, TakesAStackSize) {
    run([] {
        generator<std::size_t> g(
            [](auto& yield) {
                volatile char large[1 << 20];
                large[0] = 1;
                yield(sizeof(large));
            },
            2 << 20);
        EXPECT_EQ(*g.begin(), std::size_t{1} << 20);
        generator<int> impossible([](auto& yield) { yield(1); }, std::size_t{1} << 60);
        EXPECT_THROW(impossible.begin(), stack_unavailable);
    });
}

[[gnu::noinline]] int recurse(int depth) {
    volatile char frame[1000];
    frame[0] = static_cast<char>(depth);
    return depth == 0 ? 0 : recurse(depth - 1) + frame[0];
}

TEST(generator, AnOverflowIsReportedAsTheGenerators) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(weft::run([] {
        go({.name = "deep"}, [] {
            generator<int> g([](auto& yield) { yield(recurse(1'000'000)); }, 64 << 10);
            g.begin();
        }).join();
    }),
        ::testing::KilledBySignal(SIGSEGV),
        "stack overflow in a generator of fiber [0-9]+ 'deep' .*, 64 KiB; .*second argument(.|\n)*recurse");
}

} // namespace
} // namespace weft
