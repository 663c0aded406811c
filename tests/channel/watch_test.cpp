// SPDX-License-Identifier: BSL-1.0
#include "channel/awaited_test.hpp"

#include <weft/watch.hpp>

#include <atomic>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace weft {
namespace {

using namespace std::chrono_literals;
using test::actors, test::until, test::waiting, test::fragile;

class Watch : public test::in_each_setting {};
INSTANTIATE_TEST_SUITE_P(Settings, Watch, ::testing::ValuesIn(test::all_settings), test::name_of_setting);

TEST_P(Watch, GetGivesTheNewestValue) {
    run([] {
        const watch<std::string> state("initial");
        auto first = state.subscribe();
        EXPECT_EQ(first.get(), "initial");
        state.send("second");
        auto late = state.subscribe();
        EXPECT_EQ(first.get(), "second");
        EXPECT_EQ(first.get(), "second");
        EXPECT_EQ(late.get(), "second");
    });
}

TEST_P(Watch, TheValueAtTheSubscriptionCountsAsSeen) {
    run([] {
        const watch<int> state(1);
        state.send(2);
        auto sub = state.subscribe();
        EXPECT_EQ(sub.changed_for(0ms), channel_status::timeout);
        state.send(3);
        EXPECT_TRUE(sub.changed());
        EXPECT_EQ(sub.get(), 3);
    });
}

TEST_P(Watch, GetMarksTheValueAsSeen) {
    run([] {
        const watch<int> state(1);
        auto sub = state.subscribe();
        state.send(2);
        EXPECT_EQ(sub.get(), 2);
        EXPECT_EQ(sub.changed_for(-1h), channel_status::timeout);
    });
}

TEST_P(Watch, ChangedSeesTheNewestAndValuesInBetweenAreMissed) {
    run([] {
        const watch<int> state(0);
        auto sub = state.subscribe();
        for (int i = 1; i <= 3; ++i) state.send(i);
        EXPECT_TRUE(sub.changed());
        EXPECT_EQ(sub.changed_for(0ms), channel_status::timeout);
        EXPECT_EQ(sub.get(), 3);
    });
}

TEST_P(Watch, ASendWakesAllWhoWait) {
    run([] {
        const watch<int> state(0);
        std::atomic<int> sum{0};
        actors subscribers;
        for (int i = 0; i < 5; ++i)
            subscribers.start([&, sub = state.subscribe()]() mutable {
                EXPECT_TRUE(sub.changed());
                sum += sub.get();
            });
        until([&] { return waiting(state) == 5; });
        state.send(7);
        subscribers.join();
        EXPECT_EQ(sum, 35);
    });
}

TEST_P(Watch, WhatCameBeforeTheSendIsSeenAfterTheChange) {
    run([] {
        for (int i = 1; i <= 100; ++i) {
            const watch<int> state(0);
            auto sub = state.subscribe();
            int plain = 0;
            actors sending;
            sending.start([&] {
                plain = i;
                state.send(i);
            });
            if (i % 2 == 0)
                EXPECT_TRUE(sub.changed());
            else
                until([&] { return sub.get() == i; });
            EXPECT_EQ(plain, i);
            sending.join();
        }
    });
}

// --- close

TEST_P(Watch, TheCloseWakesAllAndGetStillWorks) {
    run([] {
        const watch<int> state(4);
        std::atomic<int> woken{0};
        actors subscribers;
        for (int i = 0; i < 3; ++i)
            subscribers.start([&, sub = state.subscribe()]() mutable {
                EXPECT_FALSE(sub.changed());
                EXPECT_FALSE(sub.changed());
                EXPECT_EQ(sub.changed_for(1h), channel_status::closed);
                EXPECT_EQ(sub.get(), 4);
                ++woken;
            });
        until([&] { return waiting(state) == 3; });
        EXPECT_FALSE(state.closed());
        state.close();
        EXPECT_TRUE(state.closed());
        subscribers.join();
        EXPECT_EQ(woken, 3);
        auto late = state.subscribe();
        EXPECT_FALSE(late.changed());
        EXPECT_EQ(late.get(), 4);
    });
}

TEST_P(Watch, TheLastValueIsNewsAlsoAfterTheClose) {
    run([] {
        const watch<int> state(1);
        auto sub = state.subscribe();
        state.send(2);
        state.close();
        EXPECT_TRUE(sub.changed());
        EXPECT_FALSE(sub.changed());
        EXPECT_EQ(sub.get(), 2);
    });
}

TEST_P(Watch, TheEndOfTheLastHandleCloses) {
    run([] {
        std::optional<watch<int>> first(1);
        std::optional<watch<int>> second(*first);
        auto sub = first->subscribe();
        first.reset();
        EXPECT_EQ(sub.changed_for(1ms), channel_status::timeout);
        second->send(2);
        EXPECT_TRUE(sub.changed());
        actors ending;
        ending.start([&] {
            until([&] { return waiting(sub) == 1; });
            second.reset();
        });
        EXPECT_FALSE(sub.changed());
        EXPECT_EQ(sub.get(), 2);
    });
}

TEST_P(Watch, AClosedOneRefusesAndLeavesTheValue) {
    run([] {
        const watch<std::string> state("initial");
        auto sub = state.subscribe();
        state.close();
        std::string value = "a text too long for the small string";
        const std::string same = value;
        EXPECT_THROW(state.send(std::move(value)), channel_closed);
        EXPECT_EQ(value, same); // NOLINT(bugprone-use-after-move)
        EXPECT_THROW(state.send(value), channel_closed);
        EXPECT_THROW(state.close(), channel_closed);
        EXPECT_EQ(sub.get(), "initial");
    });
}

// --- deadlines and cancellation

TEST_P(Watch, ADeadlinePassesAndLeavesNobodyWaiting) {
    run([] {
        const watch<int> state(0);
        auto sub = state.subscribe();
        EXPECT_EQ(sub.changed_for(1ms), channel_status::timeout);
        EXPECT_EQ(sub.changed_until(clock::now() - 1h), channel_status::timeout);
        EXPECT_EQ(waiting(state), 0U);
        state.send(1);
        EXPECT_EQ(sub.changed_for(-1h), channel_status::ok);
        actors sending;
        sending.start([&] {
            until([&] { return waiting(state) == 1; });
            state.send(2);
        });
        EXPECT_EQ(sub.changed_for(24h), channel_status::ok);
    });
}

TEST_P(Watch, ACancelledWaitHasSeenNothing) {
    if (GetParam().threads())
        GTEST_SKIP() << "threads have no handle to be cancelled by; their scopes: tests/cancel";
    run([] {
        const watch<int> state(0);
        auto sub = state.subscribe();
        auto parked = go([&] { sub.changed(); });
        until([&] { return waiting(state) == 1; });
        parked.cancel();
        EXPECT_THROW(parked.join(), cancelled);
        EXPECT_EQ(waiting(state), 0U);
        state.send(1);

        std::atomic<bool> go_on{false};
        auto late = go([&] {
            while (!go_on) {
                try {
                    yield();
                } catch (const cancelled&) {}
            }
            sub.changed();
        });
        late.cancel();
        go_on = true;
        EXPECT_THROW(late.join(), cancelled);
        EXPECT_EQ(sub.changed_for(0ms), channel_status::ok);
    });
}

// --- select

TEST_P(Watch, IsACaseOfASelectThatIsReady) {
    run([] {
        const watch<int> state(0);
        auto sub = state.subscribe();
        const auto look = [&] {
            return select(
                on_changed(sub, [](bool news) { return news ? 1 : 0; }), otherwise([] { return -1; }));
        };
        EXPECT_EQ(look(), -1);
        state.send(1);
        EXPECT_EQ(look(), 1);
        EXPECT_EQ(look(), -1);
        state.close();
        EXPECT_EQ(look(), 0);
        EXPECT_EQ(waiting(state), 0U);
    });
}

TEST_P(Watch, EndsASelectThatWaits) {
    run([] {
        for (const bool news : {true, false}) {
            const watch<int> state(0);
            auto sub = state.subscribe();
            auto same = sub;
            const channel<int> other(0);
            actors sending;
            sending.start([&] {
                until([&] { return waiting(state) == 2; });
                if (news)
                    state.send(7);
                else
                    state.close();
            });
            int happened = 0;
            select(on_changed(sub,
                       [&](bool given) {
                           ++happened;
                           EXPECT_EQ(given, news);
                       }),
                on_changed(same,
                    [&](bool given) {
                        ++happened;
                        EXPECT_EQ(given, news);
                    }),
                on_recv(other, [](auto) { FAIL(); }));
            EXPECT_EQ(happened, 1);
            EXPECT_EQ(waiting(state), 0U);
            EXPECT_EQ(test::receivers_waiting(other), 0U);
        }
    });
}

TEST_P(Watch, NewsStaysWhenAnotherCaseHappens) {
    run([] {
        const watch<int> state(0);
        auto sub = state.subscribe();
        EXPECT_FALSE(
            select(on_changed(sub, [](bool) { return true; }), on_timeout(1ms, [] { return false; })));
        EXPECT_EQ(waiting(state), 0U);
        state.send(1);
        const channel<int> other(1);
        other.send(1);
        select_biased(on_recv(other, [](auto) {}), on_changed(sub, [](bool) { FAIL(); }));
        selector cases;
        int seen = 0;
        cases.add([&] { return on_changed(sub, [&](bool news) { seen += news ? 1 : 100; }); });
        cases.on_timeout(1ms, [] {});
        EXPECT_EQ(cases.select(), 0U);
        EXPECT_EQ(cases.select(), 1U);
        EXPECT_EQ(seen, 1);
    });
}

// --- handles and values

template <class Handle>
concept makes_a_case = requires(Handle&& handle) { on_changed(std::forward<Handle>(handle), [](bool) {}); };
static_assert(makes_a_case<watch_subscriber<int>&> && !makes_a_case<watch_subscriber<int>>);
static_assert(std::copyable<watch_subscriber<int>> && std::copyable<watch<int>>);

TEST_P(Watch, ACopyOfASubscriberGoesItsOwnWay) {
    run([] {
        const watch<int> state(0);
        auto sub = state.subscribe();
        state.send(1);
        auto unseen = sub;
        EXPECT_TRUE(sub.changed());
        auto seen = sub;
        EXPECT_EQ(unseen.changed_for(0ms), channel_status::ok);
        EXPECT_EQ(seen.changed_for(0ms), channel_status::timeout);
        unseen = state.subscribe();
        EXPECT_EQ(unseen.changed_for(0ms), channel_status::timeout);
    });
}

TEST_P(Watch, AHandleMovedFromThrows) {
    run([] {
        watch<int> state(0);
        auto sub = state.subscribe();
        const auto moved = std::move(state);
        auto moved_sub = std::move(sub);
        // NOLINTBEGIN(bugprone-use-after-move)
        EXPECT_THROW(state.send(1), std::logic_error);
        EXPECT_THROW(state.close(), std::logic_error);
        EXPECT_THROW(static_cast<void>(state.closed()), std::logic_error);
        EXPECT_THROW(state.subscribe(), std::logic_error);
        EXPECT_THROW(sub.get(), std::logic_error);
        EXPECT_THROW(sub.changed(), std::logic_error);
        EXPECT_THROW(on_changed(sub, [](bool) {}), std::logic_error);
        // NOLINTEND(bugprone-use-after-move)
        moved.send(2);
        EXPECT_EQ(moved_sub.get(), 2);
    });
}

TEST_P(Watch, KeepsTheNewestValueAloneAsLongAsAnyHandleLives) {
    run([] {
        const auto old = std::make_shared<int>(0);
        const auto newest = std::make_shared<int>(1);
        {
            std::optional<watch<std::shared_ptr<int>>> state(old);
            auto sub = state->subscribe();
            EXPECT_EQ(old.use_count(), 2);
            state->send(newest);
            EXPECT_EQ(old.use_count(), 1);
            state.reset();
            EXPECT_EQ(sub.get(), newest);
            EXPECT_EQ(newest.use_count(), 2);
        }
        EXPECT_EQ(newest.use_count(), 1);
    });
}

struct calls_at_copy {
    std::function<void()> call = [] {};

    calls_at_copy() = default;
    calls_at_copy(const calls_at_copy& other) : call(other.call) { call(); }
    calls_at_copy(calls_at_copy&&) = default;
    calls_at_copy& operator=(const calls_at_copy&) = default;
};

TEST_P(Watch, ACopyMayUseTheWatch) {
    run([] {
        const watch<calls_at_copy> state(calls_at_copy{});
        auto sub = state.subscribe();
        calls_at_copy sends_at_copy;
        sends_at_copy.call = [&] { state.send(calls_at_copy{}); };
        state.send(std::move(sends_at_copy));
        sub.get();
        EXPECT_TRUE(sub.changed()); // sent meanwhile, so not seen
        EXPECT_EQ(sub.changed_for(0ms), channel_status::timeout);
        state.close();
    });
}

TEST_P(Watch, AThrowingCopyHasSeenNothingAndAThrowingMoveSendsNothing) {
    run([] {
        const watch<fragile> state(fragile(1));
        auto sub = state.subscribe();
        fragile value(2);
        value.moves_to_throw = 1;
        EXPECT_THROW(state.send(std::move(value)), std::runtime_error);
        EXPECT_EQ(value.value, 2); // NOLINT(bugprone-use-after-move)
        EXPECT_EQ(sub.changed_for(0ms), channel_status::timeout);
        EXPECT_EQ(sub.get().value, 1);
        value.copy_throws = true;
        state.send(std::move(value));
        EXPECT_THROW(sub.get(), std::runtime_error);
        EXPECT_EQ(sub.changed_for(0ms), channel_status::ok);
    });
}

// --- under load

TEST_P(Watch, EachSubscriberSeesValuesGrowUpToTheLast) {
    run([] {
        constexpr int last = 3000;
        std::optional<watch<std::pair<int, int>>> state(std::pair(0, 0));
        std::atomic<int> ended{0};
        actors subscribers;
        for (int i = 0; i < 4; ++i)
            subscribers.start([&, sub = state->subscribe()]() mutable {
                int before = 0;
                while (sub.changed()) {
                    const auto [value, same] = sub.get();
                    EXPECT_EQ(value, same);
                    EXPECT_GE(value, before);
                    before = value;
                }
                EXPECT_EQ(before, last);
                ++ended;
            });
        for (int i = 1; i <= last; ++i) {
            state->send({i, i});
            if (i % 16 == 0) yield();
        }
        state.reset();
        subscribers.join();
        EXPECT_EQ(ended, 4);
    });
}

} // namespace
} // namespace weft
