// SPDX-License-Identifier: BSL-1.0
#include "channel/awaited_test.hpp"

#include <weft/broadcast.hpp>

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

// The handles of a broadcast, how its values live, and how it behaves under load. What is promised first: broadcast_test.cpp.
namespace weft {
namespace {

using namespace std::chrono_literals;
using test::actors, test::until, test::blocked_senders, test::fragile;

class BroadcastValues : public test::in_each_setting {};
INSTANTIATE_TEST_SUITE_P(
    Settings, BroadcastValues, ::testing::ValuesIn(test::all_settings), test::name_of_setting);

// --- handles and values

template <class Handle>
concept makes_a_case =
    requires(Handle&& handle) { on_recv(std::forward<Handle>(handle), [](std::optional<int>) {}); };
static_assert(makes_a_case<broadcast_subscriber<int>&> && !makes_a_case<broadcast_subscriber<int>>);
static_assert(std::movable<broadcast_subscriber<int>> && !std::copyable<broadcast_subscriber<int>>);
static_assert(std::copyable<broadcast<int>>);

TEST(BroadcastMisuse, ACapacityOfNoneOrBeyondMemoryThrows) {
    EXPECT_THROW(broadcast<int>(0, on_lag::block), std::invalid_argument);
    EXPECT_THROW(broadcast<int>(0, on_lag::drop_oldest), std::invalid_argument);
    EXPECT_THROW(broadcast<int>(std::numeric_limits<std::size_t>::max(), on_lag::block), std::length_error);
}

TEST_P(BroadcastValues, AHandleMovedFromThrows) {
    run([] {
        broadcast<int> all(1, on_lag::block);
        auto sub = all.subscribe();
        const auto moved = std::move(all);
        auto moved_sub = std::move(sub);
        int value = 0;
        // NOLINTBEGIN(bugprone-use-after-move)
        EXPECT_THROW(all.send(1), std::logic_error);
        EXPECT_THROW(all.try_send(1), std::logic_error);
        EXPECT_THROW(all.close(), std::logic_error);
        EXPECT_THROW(static_cast<void>(all.closed()), std::logic_error);
        EXPECT_THROW(all.subscribe(), std::logic_error);
        EXPECT_THROW(sub.recv(), std::logic_error);
        EXPECT_THROW(sub.try_recv(value), std::logic_error);
        EXPECT_THROW(sub.recv_for(value, 1h), std::logic_error);
        EXPECT_THROW(sub.missed(), std::logic_error);
        EXPECT_THROW(on_recv(sub, [](auto) {}), std::logic_error);
        // NOLINTEND(bugprone-use-after-move)
        moved.send(2);
        EXPECT_EQ(moved_sub.recv(), 2);
    });
}

TEST_P(BroadcastValues, AssigningASubscriberEndsTheOldSubscription) {
    run([] {
        const broadcast<int> all(1, on_lag::block);
        auto one = all.subscribe();
        auto two = all.subscribe();
        all.send(1);
        EXPECT_EQ(two.recv(), 1);
        EXPECT_EQ(all.try_send(2), channel_status::full);
        one = std::move(two);
        EXPECT_EQ(all.try_send(2), channel_status::ok);
        EXPECT_EQ(one.recv(), 2);
    });
}

// Counts what lives and what is copied.
struct tally {
    int living = 0;
    int copies = 0;
};
class tallied {
public:
    explicit tallied(tally& in) noexcept : in_(&in) { ++in_->living; }
    tallied(const tallied& other) noexcept : in_(other.in_) {
        ++in_->living;
        ++in_->copies;
    }
    tallied(tallied&& other) noexcept : in_(other.in_) { ++in_->living; }
    tallied& operator=(const tallied&) = default;
    ~tallied() { --in_->living; }

private:
    tally* in_;
};

TEST_P(BroadcastValues, AValueIsStoredOnceAndTheLastGetsItself) {
    run([] {
        tally count;
        const broadcast<tallied> all(4, on_lag::block);
        auto one = all.subscribe();
        auto two = all.subscribe();
        auto three = all.subscribe();
        all.send(tallied(count));
        EXPECT_EQ(count.living, 1);
        EXPECT_EQ(count.copies, 0);
        one.recv();
        two.recv();
        EXPECT_EQ(count.copies, 2);
        EXPECT_EQ(count.living, 1);
        three.recv();
        EXPECT_EQ(count.copies, 2);
        EXPECT_EQ(count.living, 0);
    });
}

TEST_P(BroadcastValues, ValuesGoOnceNobodyIsToReceiveThem) {
    run([] {
        tally count;
        std::optional<broadcast<tallied>> dropping(std::in_place, 2U, on_lag::drop_oldest);
        std::optional one(dropping->subscribe());
        std::optional two(dropping->subscribe());
        for (int i = 0; i < 5; ++i) dropping->send(tallied(count));
        EXPECT_EQ(count.living, 2);
        one.reset();
        EXPECT_EQ(count.living, 2);
        two.reset();
        EXPECT_EQ(count.living, 0);
        dropping->send(tallied(count));
        EXPECT_EQ(count.living, 0);
        auto three = dropping->subscribe();
        dropping->send(tallied(count));
        dropping.reset();
        EXPECT_EQ(count.living, 1);
        EXPECT_TRUE(three.recv());
        EXPECT_EQ(count.living, 0);
    });
}

struct calls_at_copy {
    std::function<void()> call = [] {};

    calls_at_copy() = default;
    calls_at_copy(const calls_at_copy& other) : call(other.call) { call(); }
    calls_at_copy(calls_at_copy&&) = default;
    calls_at_copy& operator=(const calls_at_copy&) = default;
};

TEST_P(BroadcastValues, ACopyMayUseTheBroadcast) {
    run([] {
        const broadcast<calls_at_copy> all(1, on_lag::drop_oldest);
        auto sub = all.subscribe();
        auto other = all.subscribe();
        calls_at_copy sends_at_copy;
        sends_at_copy.call = [&] {
            all.send(calls_at_copy{});
        }; // in the place of the value that is being copied
        all.send(std::move(sends_at_copy));
        EXPECT_TRUE(sub.recv());
        EXPECT_EQ(sub.missed(), 0U);
        EXPECT_EQ(other.missed(), 1U);
        all.close();
        EXPECT_TRUE(sub.recv());
        EXPECT_FALSE(sub.recv());
    });
}

TEST_P(BroadcastValues, ANewerValueMayBeReadByAllWhileASubscriberLeaves) {
    run([] {
        using value = std::shared_ptr<int>;
        const broadcast<value> all(3, on_lag::block);
        auto stays = all.subscribe();
        std::optional leaves(all.subscribe());
        value out;
        const auto meanwhile = [&](const int*) { // between two of those that the leaving one has not received
            EXPECT_EQ(all.try_send(std::make_shared<int>(2)), channel_status::ok);
            for (int i = 1; i <= 2; ++i) {
                EXPECT_EQ(stays.try_recv(out), channel_status::ok);
                EXPECT_EQ(*out, i);
            }
        };
        int zero = 0;
        all.send(value(&zero, meanwhile));
        all.send(std::make_shared<int>(1));
        EXPECT_EQ(*stays.recv().value(), 0);
        leaves.reset();
        EXPECT_EQ(*out, 2);
        for (int i = 3; i < 6; ++i) EXPECT_EQ(all.try_send(std::make_shared<int>(i)), channel_status::ok);
        EXPECT_EQ(all.try_send(out), channel_status::full);
        for (int i = 3; i < 6; ++i) EXPECT_EQ(*stays.recv().value(), i);
        EXPECT_EQ(stays.missed(), 0U);
    });
}

TEST_P(BroadcastValues, AThrowingCopyLeavesTheValueTheNextOne) {
    run([] {
        const broadcast<fragile> all(1, on_lag::drop_oldest);
        auto sub = all.subscribe();
        fragile value(7);
        value.copy_throws = true;
        all.send(std::move(value));
        EXPECT_THROW(sub.recv(), std::runtime_error);
        all.send(fragile(8));
        fragile out(0);
        EXPECT_THROW(select(on_recv(sub, [](auto) {})), std::runtime_error);
        EXPECT_EQ(sub.try_recv(out), channel_status::ok); // assigned
        EXPECT_EQ(out.value, 7);
        EXPECT_EQ(sub.recv().value().value, 8);
        EXPECT_EQ(sub.missed(), 0U);
    });
}

TEST_P(BroadcastValues, ABlockedSenderWhoseMoveThrewStaysTheFirst) {
    run([] {
        const broadcast<fragile> all(1, on_lag::block);
        auto sub = all.subscribe();
        all.send(fragile(0));
        actors senders;
        for (int i = 1; i < 4; ++i) {
            senders.start([&, i] {
                fragile mine(i);
                mine.moves_to_throw = i == 1 ? 1 : 0;
                all.send(std::move(mine));
            });
            until([&] { return blocked_senders(all) == static_cast<std::size_t>(i); });
        }
        EXPECT_EQ(sub.recv().value().value, 0);
        until([&] { return blocked_senders(all) == 2; }); // 2 took the place; 1 is back, before 3
        for (const int next : {2, 1, 3}) EXPECT_EQ(sub.recv().value().value, next);
    });
}

TEST_P(BroadcastValues, AThrowingMoveThrowsAtItsSenderAlone) {
    run([] {
        const broadcast<fragile> all(1, on_lag::block);
        auto sub = all.subscribe();
        fragile mine(1);
        mine.moves_to_throw = 1;
        EXPECT_THROW(all.send(std::move(mine)), std::runtime_error);
        EXPECT_EQ(mine.value, 1); // NOLINT(bugprone-use-after-move)
        all.send(fragile(2));
        actors senders;
        senders.start([&] {
            fragile parked(3);
            parked.moves_to_throw = 100; // each time it is tried, by whomever
            EXPECT_THROW(all.send(std::move(parked)), std::runtime_error);
            EXPECT_EQ(parked.value, 3); // NOLINT(bugprone-use-after-move)
        });
        until([&] { return blocked_senders(all) == 1; });
        senders.start([&] { all.send(fragile(4)); });
        until([&] { return blocked_senders(all) == 2; });
        EXPECT_EQ(sub.recv().value().value, 2);
        EXPECT_EQ(sub.recv().value().value, 4);
        senders.join();
        fragile out(0);
        EXPECT_EQ(sub.try_recv(out), channel_status::empty);
    });
}

// --- under load

TEST_P(BroadcastValues, EverySubscriberReceivesEachValueOnceAndAllInOneOrder) {
    run([] {
        constexpr int senders = 3;
        constexpr int each = 700;
        constexpr int subscribers = 4;
        const broadcast<std::pair<int, int>> all(8, on_lag::block);
        std::array<std::vector<std::pair<int, int>>, subscribers> got;
        actors receiving;
        for (auto& mine : got)
            receiving.start([&mine, sub = all.subscribe()]() mutable {
                while (auto value = sub.recv()) mine.push_back(*value);
                EXPECT_EQ(sub.missed(), 0U);
            });
        {
            actors sending;
            for (int who = 0; who < senders; ++who)
                sending.start([&all, who] {
                    for (int i = 0; i < each; ++i) all.send({who, i});
                });
        }
        all.close();
        receiving.join();
        std::array<int, senders> next{};
        for (const auto& [who, value] : got[0]) EXPECT_EQ(value, next[static_cast<std::size_t>(who)]++);
        EXPECT_EQ(got[0].size(), static_cast<std::size_t>(senders * each));
        for (const auto& other : got) EXPECT_EQ(other, got[0]);
    });
}

TEST_P(BroadcastValues, WhatIsReceivedAndWhatIsMissedIsAllThatWasSent) {
    run([] {
        constexpr std::size_t total = 4000;
        const broadcast<std::size_t> all(4, on_lag::drop_oldest);
        std::atomic<int> ended{0};
        actors receiving;
        for (int i = 0; i < 3; ++i)
            receiving.start([&, sub = all.subscribe()]() mutable {
                std::size_t next = 0;
                std::size_t received = 0;
                std::size_t missed = 0;
                while (auto value = sub.recv()) {
                    EXPECT_GE(*value, next);
                    next = *value + 1;
                    if (++received % 5 == 0) missed += sub.missed();
                }
                EXPECT_EQ(next, total);
                EXPECT_EQ(received + missed + sub.missed(), total);
                ++ended;
            });
        for (std::size_t i = 0; i < total; ++i) {
            all.send(i);
            if (i % 64 == 0) yield();
        }
        all.close();
        receiving.join();
        EXPECT_EQ(ended, 3);
    });
}

TEST_P(BroadcastValues, SubscribersMayComeAndGoWhileSendersSend) {
    run([] {
        constexpr int each = 1500;
        const broadcast<std::shared_ptr<int>> all(4, on_lag::block);
        std::atomic<bool> sending_ended{false};
        actors sending;
        for (int who = 0; who < 2; ++who)
            sending.start([&all, who] {
                for (int i = 0; i < each; ++i) all.send(std::make_shared<int>(2 * i + who));
            });
        actors coming;
        for (int i = 0; i < 3; ++i)
            coming.start([&, i] {
                for (int turn = 0; !sending_ended; ++turn) {
                    auto sub = all.subscribe();
                    std::array<int, 2> last{-1, -1};
                    for (int n = 0; n < (turn * 7 + i) % 11; ++n) {
                        std::shared_ptr<int> value;
                        if (sub.try_recv(value) != channel_status::ok) {
                            yield();
                            continue;
                        }
                        int& before = last[static_cast<std::size_t>(*value % 2)];
                        EXPECT_TRUE(before < 0 || *value == before + 2) << before << ' ' << *value;
                        before = *value;
                    }
                }
            });
        sending.join();
        sending_ended = true;
        coming.join();
        auto late = all.subscribe();
        for (int i = 0; i < 4; ++i) EXPECT_EQ(all.try_send(nullptr), channel_status::ok);
        EXPECT_EQ(all.try_send(nullptr), channel_status::full);
    });
}

} // namespace
} // namespace weft
