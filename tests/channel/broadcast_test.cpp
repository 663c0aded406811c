// SPDX-License-Identifier: BSL-1.0
#include "channel/awaited_test.hpp"

#include <weft/broadcast.hpp>

#include <atomic>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace weft {
namespace {

using namespace std::chrono_literals;
using test::actors, test::until, test::waiting, test::blocked_senders;

class Broadcast : public test::in_each_setting {};
INSTANTIATE_TEST_SUITE_P(Settings, Broadcast, ::testing::ValuesIn(test::all_settings), test::name_of_setting);

TEST_P(Broadcast, EverySubscriberReceivesEveryValueFromItsSubscriptionOn) {
    run([] {
        const broadcast<std::string> all(8, on_lag::block);
        all.send("before");
        auto first = all.subscribe();
        all.send("one");
        auto second = all.subscribe();
        all.send("two");
        EXPECT_EQ(first.recv(), "one");
        EXPECT_EQ(first.recv(), "two");
        EXPECT_EQ(second.recv(), "two");
        std::string value;
        EXPECT_EQ(first.try_recv(value), channel_status::empty);
        EXPECT_EQ(second.try_recv(value), channel_status::empty);
        EXPECT_EQ(first.missed() + second.missed(), 0U);
    });
}

TEST_P(Broadcast, ASendWakesAllWhoWait) {
    run([] {
        const broadcast<int> all(2, on_lag::block);
        std::atomic<int> sum{0};
        actors subscribers;
        for (int i = 0; i < 5; ++i)
            subscribers.start([&, sub = all.subscribe()]() mutable { sum += sub.recv().value(); });
        until([&] { return waiting(all) == 5; });
        all.send(7);
        subscribers.join();
        EXPECT_EQ(sum, 35);
    });
}

TEST_P(Broadcast, WhatCameBeforeTheSendIsSeenAfterTheReceive) {
    run([] {
        for (const on_lag lag : {on_lag::block, on_lag::drop_oldest})
            for (int i = 0; i < 50; ++i) {
                const broadcast<int*> all(1, lag);
                auto sub = all.subscribe();
                int plain = 0;
                actors sending;
                sending.start([&] {
                    plain = i;
                    all.send(&plain);
                });
                EXPECT_EQ(*sub.recv().value(), i);
                sending.join();
            }
    });
}

TEST_P(Broadcast, ToNobodyGoesNowhereAndNeverWaits) {
    run([] {
        const broadcast<int> all(1, on_lag::block);
        for (int i = 0; i < 3; ++i) all.send(i);
        auto sub = all.subscribe();
        int value = 0;
        EXPECT_EQ(sub.try_recv(value), channel_status::empty);
    });
}

// --- on_lag::block

TEST_P(Broadcast, SendWaitsForTheSlowestSubscriber) {
    run([] {
        const broadcast<int> all(2, on_lag::block);
        auto fast = all.subscribe();
        auto slow = all.subscribe();
        all.send(0);
        all.send(1);
        std::atomic<bool> sent{false};
        int plain = 0;
        actors sending;
        sending.start([&] {
            all.send(2);
            EXPECT_EQ(plain, 1); // the receive of the slowest happened before
            sent = true;
        });
        until([&] { return blocked_senders(all) == 1; });
        EXPECT_EQ(fast.recv(), 0);
        EXPECT_EQ(fast.recv(), 1);
        EXPECT_EQ(blocked_senders(all), 1U);
        EXPECT_FALSE(sent);
        plain = 1;
        EXPECT_EQ(slow.recv(), 0);
        sending.join();
        EXPECT_EQ(fast.recv(), 2);
        EXPECT_EQ(slow.recv(), 1);
        EXPECT_EQ(slow.recv(), 2);
        EXPECT_EQ(slow.missed(), 0U);
    });
}

TEST_P(Broadcast, BlockedSendersAreServedFirstComeFirstServed) {
    run([] {
        const broadcast<int> all(1, on_lag::block);
        auto sub = all.subscribe();
        all.send(99);
        actors senders;
        for (int i = 0; i < 6; ++i) {
            senders.start([&, i] { all.send(100 + i); });
            until([&] { return blocked_senders(all) == static_cast<std::size_t>(i) + 1; });
        }
        for (int i = -1; i < 6; ++i) EXPECT_EQ(sub.recv(), 100 + i);
    });
}

TEST_P(Broadcast, NobodyBargesPastABlockedSender) {
    run([] {
        const broadcast<int> all(1, on_lag::block);
        auto sub = all.subscribe();
        all.send(1);
        actors senders;
        senders.start([&] { all.send(2); });
        until([&] { return blocked_senders(all) == 1; });
        EXPECT_EQ(sub.recv(), 1); // the blocked sender's value is in before anybody else's can be
        EXPECT_EQ(blocked_senders(all), 0U);
        EXPECT_EQ(all.try_send(3), channel_status::full);
        EXPECT_EQ(sub.recv(), 2);
    });
}

TEST_P(Broadcast, ASubscriberThatGoesAwayStopsBlockingSenders) {
    run([] {
        const broadcast<int> all(2, on_lag::block);
        auto fast = all.subscribe();
        std::optional slow(all.subscribe());
        all.send(0);
        all.send(1);
        EXPECT_EQ(fast.recv(), 0);
        actors senders;
        for (int i = 2; i < 4; ++i) {
            senders.start([&, i] { all.send(i); });
            until([&] { return blocked_senders(all) == static_cast<std::size_t>(i) - 1; });
        }
        slow.reset(); // fast has 1 to receive: one place
        until([&] { return blocked_senders(all) == 1; });
        EXPECT_EQ(fast.recv(), 1);
        senders.join();
        EXPECT_EQ(fast.recv(), 2);
        EXPECT_EQ(fast.recv(), 3);
    });
}

TEST_P(Broadcast, TheLastSubscribersEndLetsAllSendersGo) {
    run([] {
        const broadcast<int> all(1, on_lag::block);
        std::optional only(all.subscribe());
        all.send(0);
        std::atomic<int> sent{0};
        actors senders;
        for (int i = 0; i < 4; ++i)
            senders.start([&] {
                all.send(1);
                ++sent;
            });
        until([&] { return blocked_senders(all) == 4; });
        only.reset();
        senders.join();
        EXPECT_EQ(sent, 4);
        auto late = all.subscribe();
        all.send(5);
        EXPECT_EQ(late.recv(), 5);
    });
}

// --- on_lag::drop_oldest

TEST_P(Broadcast, DropOldestKeepsTheNewestForEachAndCountsTheMissed) {
    run([] {
        const broadcast<int> all(3, on_lag::drop_oldest);
        auto fast = all.subscribe();
        auto slow = all.subscribe();
        for (int i = 0; i < 10; ++i) {
            all.send(i);
            EXPECT_EQ(fast.recv(), i);
        }
        EXPECT_EQ(fast.missed(), 0U);
        EXPECT_EQ(slow.recv(), 7);
        EXPECT_EQ(slow.missed(), 7U);
        EXPECT_EQ(slow.missed(), 0U);
        for (int i = 10; i < 13; ++i) all.send(i);
        EXPECT_EQ(slow.missed(), 2U); // before the next receive as well as after it
        EXPECT_EQ(fast.missed(), 0U);
        for (int i = 10; i < 13; ++i) {
            EXPECT_EQ(slow.recv(), i);
            EXPECT_EQ(fast.recv(), i);
        }
        EXPECT_EQ(slow.missed(), 0U);
    });
}

TEST_P(Broadcast, DropOldestSendsAtOnce) {
    run([] {
        const broadcast<int> all(1, on_lag::drop_oldest);
        auto sub = all.subscribe();
        for (int i = 0; i < 100; ++i) EXPECT_EQ(all.try_send(i), channel_status::ok);
        EXPECT_EQ(all.send_for(100, -1h), channel_status::ok);
        all.close();
        EXPECT_EQ(sub.recv(), 100);
        EXPECT_EQ(sub.recv(), std::nullopt);
        EXPECT_EQ(sub.missed(), 100U);
    });
}

// --- close

TEST_P(Broadcast, AfterTheCloseTheRestDrainsThenNullopt) {
    run([] {
        const broadcast<int> all(4, on_lag::block);
        auto sub = all.subscribe();
        for (int i = 0; i < 3; ++i) all.send(i);
        EXPECT_FALSE(all.closed());
        all.close();
        EXPECT_TRUE(all.closed());
        for (int i = 0; i < 3; ++i) EXPECT_EQ(sub.recv(), i);
        for (int i = 0; i < 3; ++i) EXPECT_EQ(sub.recv(), std::nullopt);
        int value = 7;
        EXPECT_EQ(sub.try_recv(value), channel_status::closed);
        EXPECT_EQ(sub.recv_for(value, 1h), channel_status::closed);
        EXPECT_EQ(value, 7);
        EXPECT_EQ(all.subscribe().recv(), std::nullopt);
    });
}

TEST_P(Broadcast, SendOnAClosedOneThrowsAndTheValueStays) {
    run([] {
        for (const on_lag lag : {on_lag::block, on_lag::drop_oldest}) {
            const broadcast<std::string> all(1, lag);
            auto sub = all.subscribe();
            all.close();
            std::string value = "a text too long for the small string";
            const std::string same = value;
            EXPECT_THROW(all.send(std::move(value)), channel_closed);
            EXPECT_THROW(all.send(value), channel_closed); // NOLINT(bugprone-use-after-move)
            EXPECT_EQ(all.try_send(std::move(value)), channel_status::closed);
            EXPECT_EQ(all.send_for(std::move(value), 1h), channel_status::closed);
            EXPECT_EQ(value, same); // NOLINT(bugprone-use-after-move)
            EXPECT_THROW(all.close(), channel_closed);
        }
    });
}

TEST_P(Broadcast, TheCloseWakesAllWhoWait) {
    run([] {
        const broadcast<std::string> all(1, on_lag::block);
        auto slow = all.subscribe();
        all.send("filling");
        std::atomic<int> woken{0};
        actors others;
        for (int i = 0; i < 3; ++i)
            others.start([&, i] {
                std::string mine = "value " + std::to_string(i);
                EXPECT_THROW(all.send(std::move(mine)), channel_closed);
                EXPECT_EQ(mine, "value " + std::to_string(i)); // NOLINT(bugprone-use-after-move)
                ++woken;
            });
        until([&] { return blocked_senders(all) == 3; });
        for (int i = 0; i < 3; ++i)
            others.start([&, sub = all.subscribe()]() mutable {
                EXPECT_EQ(sub.recv(), std::nullopt);
                ++woken;
            });
        until([&] { return waiting(all) == 3; });
        all.close();
        others.join();
        EXPECT_EQ(woken, 6);
        EXPECT_EQ(slow.recv(), "filling");
        EXPECT_EQ(slow.recv(), std::nullopt);
    });
}

TEST_P(Broadcast, TheEndOfTheLastHandleCloses) {
    run([] {
        std::optional<broadcast<int>> first(std::in_place, 2U, on_lag::block);
        std::optional<broadcast<int>> second(*first);
        auto sub = first->subscribe();
        first.reset();
        int value = 0;
        EXPECT_EQ(sub.recv_for(value, 1ms), channel_status::timeout);
        second->send(1);
        EXPECT_EQ(sub.recv(), 1);
        actors ending;
        ending.start([&] {
            until([&] { return waiting(sub) == 1; });
            second.reset();
        });
        EXPECT_EQ(sub.recv(), std::nullopt);
    });
}

// --- deadlines and cancellation

TEST_P(Broadcast, ADeadlinePassesAndLeavesNobodyWaiting) {
    run([] {
        const broadcast<int> all(1, on_lag::block);
        auto sub = all.subscribe();
        int value = 5;
        EXPECT_EQ(sub.recv_for(value, 1ms), channel_status::timeout);
        EXPECT_EQ(sub.recv_until(value, clock::now() - 1h), channel_status::timeout);
        EXPECT_EQ(value, 5);
        EXPECT_EQ(waiting(all), 0U);
        EXPECT_EQ(all.send_for(1, -1h), channel_status::ok);
        EXPECT_EQ(all.send_for(2, 1ms), channel_status::timeout);
        EXPECT_EQ(all.send_until(2, clock::now() - 1h), channel_status::timeout);
        EXPECT_EQ(blocked_senders(all), 0U);
        EXPECT_EQ(sub.recv_for(value, -1h), channel_status::ok);
        EXPECT_EQ(value, 1);
        EXPECT_EQ(sub.try_recv(value), channel_status::empty);
    });
}

TEST_P(Broadcast, CallsWithADeadlineAreWokenByTheirPeers) {
    run([] {
        const broadcast<int> all(1, on_lag::block);
        auto sub = all.subscribe();
        int value = 0;
        actors peers;
        peers.start([&] {
            until([&] { return waiting(all) == 1; });
            all.send(1);
        });
        EXPECT_EQ(sub.recv_for(value, 24h), channel_status::ok);
        EXPECT_EQ(value, 1);
        peers.join();
        all.send(2);
        peers.start([&] {
            until([&] { return blocked_senders(all) == 1; });
            EXPECT_EQ(sub.recv(), 2);
        });
        EXPECT_EQ(all.send_for(3, 24h), channel_status::ok);
        peers.join();
        EXPECT_EQ(sub.try_recv(value), channel_status::ok);
        EXPECT_EQ(value, 3);
    });
}

TEST_P(Broadcast, ACancelledSendGaveNothingAndACancelledRecvTookNothing) {
    if (GetParam().threads())
        GTEST_SKIP() << "threads have no handle to be cancelled by; their scopes: tests/cancel";
    run([] {
        const broadcast<std::string> all(1, on_lag::block);
        auto sub = all.subscribe();
        auto receiving = go([&] { sub.recv(); });
        until([&] { return waiting(all) == 1; });
        receiving.cancel();
        EXPECT_THROW(receiving.join(), cancelled);
        EXPECT_EQ(waiting(all), 0U);

        all.send("first");
        auto sending = go([&] {
            std::string mine = "cancelled";
            EXPECT_THROW(all.send(std::move(mine)), cancelled);
            EXPECT_EQ(mine, "cancelled"); // NOLINT(bugprone-use-after-move)
        });
        until([&] { return blocked_senders(all) == 1; });
        sending.cancel();
        sending.join();
        EXPECT_EQ(blocked_senders(all), 0U);

        std::atomic<bool> go_on{false};
        auto late = go([&] {
            while (!go_on) {
                try {
                    yield();
                } catch (const cancelled&) {}
            }
            sub.recv();
        });
        late.cancel();
        go_on = true;
        EXPECT_THROW(late.join(), cancelled);
        all.close();
        EXPECT_EQ(sub.recv(), "first");
        EXPECT_EQ(sub.recv(), std::nullopt);
    });
}

// --- select

TEST_P(Broadcast, IsACaseOfASelectThatIsReady) {
    run([] {
        const broadcast<int> all(2, on_lag::block);
        auto sub = all.subscribe();
        const auto look = [&] {
            return select(on_recv(sub, [](std::optional<int> value) { return value.value_or(-1); }),
                otherwise([] { return -2; }));
        };
        EXPECT_EQ(look(), -2);
        all.send(7);
        all.send(8);
        EXPECT_EQ(look(), 7);
        all.close();
        EXPECT_EQ(look(), 8);
        EXPECT_EQ(look(), -1);
        EXPECT_EQ(waiting(all), 0U);
    });
}

TEST_P(Broadcast, EndsASelectThatWaits) {
    run([] {
        for (const bool sent : {true, false}) {
            const broadcast<int> all(1, on_lag::block);
            auto sub = all.subscribe();
            auto other = all.subscribe();
            const channel<int> silent(0);
            actors sending;
            sending.start([&] {
                until([&] { return waiting(all) == 2; });
                if (sent)
                    all.send(7);
                else
                    all.close();
            });
            int happened = 0;
            const auto note = [&](std::optional<int> value) {
                ++happened;
                EXPECT_EQ(value, sent ? std::optional(7) : std::nullopt);
            };
            select(on_recv(sub, note), on_recv(silent, [](auto) { FAIL(); }), on_recv(other, note));
            EXPECT_EQ(happened, 1);
            EXPECT_EQ(waiting(all), 0U);
            EXPECT_EQ(test::receivers_waiting(silent), 0U);
            sending.join();
            if (!sent) continue;
            all.close(); // the other case has taken nothing
            EXPECT_TRUE(sub.recv().has_value() != other.recv().has_value());
        }
    });
}

TEST_P(Broadcast, ASelectMakesRoomForABlockedSender) {
    run([] {
        const broadcast<int> all(1, on_lag::block);
        auto sub = all.subscribe();
        all.send(0);
        actors sending;
        sending.start([&] {
            for (int i = 1; i < 50; ++i) all.send(i);
            all.close();
        });
        selector cases;
        int next = 0;
        bool ended = false;
        cases.add([&] {
            return on_recv(sub, [&](std::optional<int> value) {
                if (value)
                    EXPECT_EQ(*value, next++);
                else
                    ended = true;
            });
        });
        while (!ended) cases.select();
        EXPECT_EQ(next, 50);
    });
}

} // namespace
} // namespace weft
