// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;

using cancel_token_ = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, cancel_token_, test::all_worker_counts(), test::workers_name);

template <class F>
std::string text_thrown_by(F f) {
    try {
        f();
    } catch (const cancelled& thrown) {
        return thrown.what();
    }
    return "nothing";
}

TEST(cancel_source_, FiresItsTokenOnceAndForAll) {
    const cancel_source source;
    const cancel_token token = source.token();
    EXPECT_FALSE(token.stop_requested());
    source.cancel("first");
    source.cancel("second");
    EXPECT_TRUE(token.stop_requested());
    EXPECT_TRUE(source.stop_requested());
    EXPECT_EQ(text_thrown_by([&] { token.throw_if_stopped(); }), "first");
}

TEST(cancel_source_, CarriesAnExceptionAsTheReason) {
    const cancel_source source;
    source.cancel(std::make_exception_ptr(std::runtime_error("disk on fire")));
    try {
        source.token().throw_if_stopped();
        FAIL() << "nothing thrown";
    } catch (const cancelled& thrown) {
        EXPECT_STREQ(thrown.what(), "disk on fire");
        EXPECT_THROW(std::rethrow_exception(thrown.cause()), std::runtime_error);
    }
}

TEST(cancel_source_, CancelsItsChildrenAndNotItsParent) {
    const cancel_source parent;
    const cancel_source child(parent.token());
    const cancel_source grandchild(child.token());
    const cancel_source other(parent.token());
    child.cancel("half");
    EXPECT_TRUE(grandchild.stop_requested());
    EXPECT_FALSE(parent.stop_requested());
    EXPECT_FALSE(other.stop_requested());
    parent.cancel("all");
    EXPECT_TRUE(other.stop_requested());
    EXPECT_EQ(text_thrown_by([&] { grandchild.token().throw_if_stopped(); }), "half");
    EXPECT_EQ(text_thrown_by([&] { other.token().throw_if_stopped(); }), "all");
}

TEST(cancel_source_, OfACancelledParentIsCancelledAtOnce) {
    const cancel_source parent;
    parent.cancel("before");
    const cancel_source child(parent.token());
    EXPECT_TRUE(child.stop_requested());
    EXPECT_EQ(text_thrown_by([&] { child.token().throw_if_stopped(); }), "before");
}

TEST(cancel_source_, MayHaveSeveralParents) {
    for (int which = 0; which < 3; ++which) {
        const cancel_source a, b, c;
        const cancel_source child(a.token(), b.token(), c.token());
        (which == 0 ? a : which == 1 ? b : c).cancel();
        EXPECT_TRUE(child.stop_requested());
    }
}

TEST(cancel_source_, LongChainsAreCancelledWithoutRecursion) {
    constexpr int depth = 100'000;
    std::vector<cancel_source> chain;
    chain.reserve(depth);
    chain.emplace_back();
    for (int i = 1; i < depth; ++i) chain.emplace_back(chain.back().token());
    chain.front().cancel();
    EXPECT_TRUE(chain.back().stop_requested());
}

TEST(cancel_token_value, OfNothingNeverFires) {
    const cancel_token none;
    EXPECT_FALSE(none.stop_possible());
    EXPECT_FALSE(none.stop_requested());
    EXPECT_NO_THROW(none.throw_if_stopped());
    EXPECT_EQ(none, cancel_token());
    EXPECT_FALSE(cancel_token(std::stop_token()).stop_possible());
    EXPECT_FALSE(none.std_token().stop_possible());
    const cancel_registration never = none.on_cancel([] { ADD_FAILURE(); });
    EXPECT_NE(cancel_source().token(), none);
}

TEST(cancel_token_value, FollowsAStdStopToken) {
    std::stop_source stop;
    const cancel_token token = stop.get_token();
    EXPECT_FALSE(token.stop_requested());
    stop.request_stop();
    EXPECT_TRUE(token.stop_requested());
    EXPECT_TRUE(cancel_token(stop.get_token()).stop_requested());
}

TEST(cancel_token_value, IsFollowedByAStdStopToken) {
    const cancel_source source;
    const std::stop_token early = source.token().std_token();
    int called = 0;
    const std::stop_callback callback(early, [&] { ++called; });
    EXPECT_FALSE(early.stop_requested());
    source.cancel();
    EXPECT_TRUE(early.stop_requested());
    EXPECT_EQ(called, 1);
    EXPECT_TRUE(source.token().std_token().stop_requested());
    const cancel_source other;
    other.cancel();
    EXPECT_TRUE(other.token().std_token().stop_requested());
}

TEST(cancel_token_value, OutlivesItsSource) {
    cancel_token token;
    {
        const cancel_source source;
        token = source.token();
        source.cancel();
    }
    EXPECT_TRUE(token.stop_requested());
}

TEST(cancel_callback, IsCalledOnceByWhoCancels) {
    const cancel_source source;
    int called = 0;
    std::thread::id where;
    const cancel_registration registration = source.token().on_cancel([&] {
        ++called;
        where = std::this_thread::get_id();
    });
    EXPECT_EQ(called, 0);
    source.cancel();
    source.cancel();
    EXPECT_EQ(called, 1);
    EXPECT_EQ(where, std::this_thread::get_id());
}

TEST(cancel_callback, IsCalledAtOnceIfTheTokenHasFired) {
    const cancel_source source;
    source.cancel();
    int called = 0;
    const cancel_registration registration = source.token().on_cancel([&] { ++called; });
    EXPECT_EQ(called, 1);
}

TEST(cancel_callback, IsNotCalledOnceItsRegistrationIsGone) {
    const cancel_source source;
    {
        const cancel_registration gone = source.token().on_cancel([] { ADD_FAILURE(); });
    }
    cancel_registration reset = source.token().on_cancel([] { ADD_FAILURE(); });
    reset.reset();
    source.cancel();
}

TEST(cancel_callback, MovesWithItsRegistration) {
    const cancel_source source;
    int called = 0;
    cancel_registration first = source.token().on_cancel([&] { ++called; });
    cancel_registration second = std::move(first);
    first.reset();
    source.cancel();
    EXPECT_EQ(called, 1);
}

TEST(cancel_callback, MayEndItsOwnRegistrationAndOthers) {
    const cancel_source source;
    int called = 0;
    auto own = std::make_unique<cancel_registration>();
    cancel_registration other;
    // Callbacks are called in no order that is promised: whichever is first ends both.
    const auto end_both = [&] {
        ++called;
        own.reset();
        other.reset();
    };
    other = source.token().on_cancel(end_both);
    *own = source.token().on_cancel(end_both);
    source.cancel();
    EXPECT_EQ(called, 1);
}

TEST(cancel_callback, AreAllCalledThoughChildrenAndScopesAreMany) {
    const cancel_source source;
    int called = 0;
    std::vector<cancel_registration> registrations;
    std::vector<cancel_source> children;
    for (int i = 0; i < 500; ++i) {
        registrations.push_back(source.token().on_cancel([&] { ++called; }));
        children.emplace_back(source.token());
    }
    source.cancel();
    EXPECT_EQ(called, 500);
    for (const cancel_source& each : children) EXPECT_TRUE(each.stop_requested());
}

// The callback of a descendant finds every other descendant cancelled.
TEST(cancel_callback, ComesAfterTheWholeTreeIsCancelled) {
    const cancel_source source;
    const cancel_source left(source.token());
    const cancel_source right(source.token());
    const cancel_source leaf(right.token());
    int called = 0;
    const auto look = [&] {
        ++called;
        EXPECT_TRUE(left.stop_requested() && right.stop_requested() && leaf.stop_requested());
    };
    const cancel_registration at_left = left.token().on_cancel(look);
    const cancel_registration at_leaf = leaf.token().on_cancel(look);
    source.cancel();
    EXPECT_EQ(called, 2);
}

TEST_P(cancel_token_, TheEndOfARegistrationWaitsForACallbackThatRuns) {
    run([] {
        const cancel_source source;
        const channel<unit> begun(0);
        const channel<unit> go_on(0);
        std::atomic<bool> ended{false};
        cancel_registration registration = source.token().on_cancel([&] {
            begun.close();
            go_on.recv();
            ended.store(true);
        });
        auto canceller = go([&] { source.cancel(); });
        begun.recv();
        std::atomic<bool> reset{false};
        auto resetter = go([&] {
            registration.reset();
            EXPECT_TRUE(ended.load());
            reset.store(true);
        });
        yield();
        EXPECT_FALSE(reset.load());
        go_on.close();
        resetter.join();
        canceller.join();
    });
}

TEST_P(cancel_token_, ACallbackIsShieldedFromWhatItsCallerCancels) {
    run([] {
        const cancel_source source;
        const channel<int> values(1);
        int called = 0;
        const cancel_registration registration = source.token().on_cancel([&] {
            values.send(1);
            called = values.recv().value_or(0);
        });
        const cancel_scope scope(source.token());
        source.cancel();
        EXPECT_EQ(called, 1);
        EXPECT_THROW(values.send(2), cancelled);
    });
}

TEST(cancel_callback, WhatLeavesItIsAnUnhandledException) {
    std::string unhandled;
    int called = 0;
    weft::run(
        [&] {
            const cancel_source source;
            const auto throws = [&] {
                ++called;
                throw std::runtime_error("in a callback");
            };
            const cancel_registration first = source.token().on_cancel(throws);
            const cancel_registration second = source.token().on_cancel(throws);
            source.cancel();
        },
        {.workers = 1, .on_unhandled = [&](const fiber_info&, const std::exception_ptr& error) {
             try {
                 std::rethrow_exception(error);
             } catch (const std::exception& thrown) {
                 unhandled = thrown.what();
             }
         }});
    EXPECT_EQ(called, 2);
    EXPECT_EQ(unhandled, "in a callback");
}

// Registering, cancelling and unregistering in any order: each callback is called at most once, and never after its registration
// has ended.
TEST_P(cancel_token_, CallbacksRaceWithCancellation) {
    run([] {
        for (int round = 0; round < 500; ++round) {
            const cancel_source source;
            std::atomic<int> called{0};
            std::atomic<int> missed{0};
            std::vector<fiber<void>> users;
            for (int i = 0; i < 8; ++i)
                users.push_back(go([&] {
                    bool alive = true;
                    int mine = 0;
                    {
                        const cancel_registration registration = source.token().on_cancel([&] {
                            EXPECT_TRUE(alive);
                            ++mine;
                        });
                        yield();
                    }
                    alive = false;
                    ++(mine == 0 ? missed : called);
                    EXPECT_LE(mine, 1);
                }));
            auto canceller = go([&] { source.cancel(); });
            for (auto& each : users) each.join();
            canceller.join();
            EXPECT_EQ(called.load() + missed.load(), 8);
        }
    });
}

TEST_P(cancel_token_, ASelectWaitsForIt) {
    run([] {
        const cancel_source source;
        const channel<int> never_sent(0);
        auto waits = go([&] {
            return select(on_recv(never_sent, [](std::optional<int>) { return 1; }),
                on_cancel(source.token(), [] { return 2; }));
        });
        yield();
        source.cancel();
        EXPECT_EQ(waits.join(), 2);
        EXPECT_EQ(select(on_cancel(source.token(), [] { return 3; }), otherwise([] { return 4; })), 3);
        EXPECT_EQ(
            select(on_cancel(cancel_source().token(), [] { return 3; }), otherwise([] { return 4; })), 4);
        EXPECT_EQ(select(on_cancel(cancel_token(), [] { return 3; }), otherwise([] { return 4; })), 4);
    });
}

TEST_P(cancel_token_, ASelectTakesItOrTheValueButNeverBoth) {
    run([] {
        int values = 0;
        int cancels = 0;
        for (int i = 0; i < 2000; ++i) {
            const cancel_source source;
            const channel<int> sent(1);
            auto sender = go([&] { sent.send(1); });
            auto canceller = go([&] { source.cancel(); });
            const bool got = select(on_recv(sent, [](std::optional<int> v) { return v.has_value(); }),
                on_cancel(source.token(), [] { return false; }));
            ++(got ? values : cancels);
            sender.join();
            canceller.join();
            EXPECT_EQ(sent.size(), got ? 0U : 1U);
        }
        EXPECT_EQ(values + cancels, 2000);
    });
}

} // namespace
} // namespace weft
