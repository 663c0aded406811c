// SPDX-License-Identifier: BSL-1.0
#include "channel/awaited_test.hpp"

#include <weft/oneshot.hpp>

#include <atomic>
#include <concepts>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace weft {
namespace {

using namespace std::chrono_literals;
using test::actors, test::until, test::waiting, test::fragile;

class Oneshot : public test::in_each_setting {};
INSTANTIATE_TEST_SUITE_P(Settings, Oneshot, ::testing::ValuesIn(test::all_settings), test::name_of_setting);

TEST_P(Oneshot, AValueSentBeforeIsReceivedAtOnce) {
    run([] {
        auto [tx, rx] = make_oneshot<std::string>();
        EXPECT_TRUE(tx.send("the answer"));
        EXPECT_EQ(rx.recv(), "the answer");
    });
}

TEST_P(Oneshot, RecvWaitsForTheValue) {
    run([] {
        auto ends = make_oneshot<std::unique_ptr<int>>();
        actors receiving;
        std::atomic<int> got{0};
        receiving.start([&] { got = *ends.rx.recv().value(); });
        until([&] { return waiting(ends.rx) == 1; });
        EXPECT_EQ(got, 0);
        EXPECT_TRUE(ends.tx.send(std::make_unique<int>(42)));
        receiving.join();
        EXPECT_EQ(got, 42);
    });
}

TEST_P(Oneshot, WhatCameBeforeTheSendIsSeenAfterTheReceive) {
    run([] {
        for (int i = 0; i < 100; ++i) {
            auto ends = make_oneshot<unit>();
            int plain = 0;
            actors sending;
            sending.start([&] {
                plain = i;
                ends.tx.send(unit{});
            });
            if (i % 2 == 0) {
                EXPECT_TRUE(ends.rx.recv());
            } else {
                unit value;
                until([&] { return ends.rx.try_recv(value) == channel_status::ok; });
            }
            EXPECT_EQ(plain, i);
            sending.join();
        }
    });
}

TEST_P(Oneshot, TheSendersEndGivesNullopt) {
    run([] {
        auto ended = [] { return make_oneshot<int>().rx; }();
        EXPECT_EQ(ended.recv(), std::nullopt);
        int value = 5;
        EXPECT_EQ(ended.try_recv(value), channel_status::closed);
        EXPECT_EQ(ended.recv_for(value, -1h), channel_status::closed);
        EXPECT_EQ(value, 5);

        auto [tx, rx] = make_oneshot<int>();
        std::optional<oneshot_sender<int>> sender(std::move(tx));
        actors receiving;
        receiving.start([from = std::move(rx)]() mutable { EXPECT_EQ(from.recv(), std::nullopt); });
        until([&] { return waiting(*sender) == 1; });
        sender.reset();
    });
}

TEST_P(Oneshot, TheSendersEndLeavesAValueThatWasSent) {
    run([] {
        auto rx = [] {
            auto ends = make_oneshot<int>();
            ends.tx.send(3);
            return std::move(ends.rx);
        }();
        EXPECT_EQ(rx.recv(), 3);
        EXPECT_EQ(rx.recv(), std::nullopt);
    });
}

TEST_P(Oneshot, SendToNobodyIsFalseAndTheValueStays) {
    run([] {
        auto tx = [] { return make_oneshot<std::string>().tx; }();
        std::string value = "a text too long for the small string";
        const std::string same = value;
        EXPECT_FALSE(tx.send(std::move(value)));
        EXPECT_EQ(
            value, same); // NOLINT(bugprone-use-after-move): that it was not moved from is what is tested
        EXPECT_FALSE(tx.send(value));
    });
}

TEST_P(Oneshot, ASecondSendThrows) {
    run([] {
        auto [tx, rx] = make_oneshot<std::string>();
        EXPECT_TRUE(tx.send("first"));
        std::string second = "second";
        EXPECT_THROW(tx.send(std::move(second)), std::logic_error);
        EXPECT_EQ(second, "second"); // NOLINT(bugprone-use-after-move)
        EXPECT_EQ(rx.recv(), "first");
        EXPECT_THROW(tx.send(second), std::logic_error);
        EXPECT_EQ(rx.recv(), std::nullopt);
    });
}

TEST_P(Oneshot, TryRecvNeverWaits) {
    run([] {
        auto [tx, rx] = make_oneshot<int>();
        int value = 5;
        EXPECT_EQ(rx.try_recv(value), channel_status::empty);
        EXPECT_EQ(value, 5);
        tx.send(7);
        EXPECT_EQ(rx.try_recv(value), channel_status::ok);
        EXPECT_EQ(value, 7);
        EXPECT_EQ(rx.try_recv(value), channel_status::closed);
    });
}

TEST_P(Oneshot, ADeadlinePassesAndTheValueCanStillCome) {
    run([] {
        auto [tx, rx] = make_oneshot<int>();
        int value = 5;
        EXPECT_EQ(rx.recv_for(value, 1ms), channel_status::timeout);
        EXPECT_EQ(rx.recv_until(value, clock::now() - 1h), channel_status::timeout);
        EXPECT_EQ(value, 5);
        EXPECT_EQ(waiting(rx), 0U);
        tx.send(7);
        EXPECT_EQ(rx.recv_for(value, -1h), channel_status::ok);
        EXPECT_EQ(value, 7);
    });
}

TEST_P(Oneshot, ARecvWithADeadlineIsWokenByTheSend) {
    run([] {
        auto ends = make_oneshot<int>();
        actors sending;
        sending.start([&] {
            until([&] { return waiting(ends.tx) == 1; });
            ends.tx.send(7);
        });
        int value = 0;
        EXPECT_EQ(ends.rx.recv_for(value, 24h), channel_status::ok);
        EXPECT_EQ(value, 7);
    });
}

TEST_P(Oneshot, ACancelledRecvTookNothing) {
    if (GetParam().threads())
        GTEST_SKIP() << "threads have no handle to be cancelled by; their scopes: tests/cancel";
    run([] {
        auto ends = make_oneshot<int>();
        auto parked = go([&] { ends.rx.recv(); });
        until([&] { return waiting(ends.rx) == 1; });
        parked.cancel();
        EXPECT_THROW(parked.join(), cancelled);
        EXPECT_EQ(waiting(ends.rx), 0U);
        EXPECT_TRUE(ends.tx.send(7));

        std::atomic<bool> go_on{false};
        auto late = go([&] {
            while (!go_on) {
                try {
                    yield();
                } catch (const cancelled&) {}
            }
            ends.rx.recv();
        });
        late.cancel();
        go_on = true;
        EXPECT_THROW(late.join(), cancelled);
        EXPECT_EQ(ends.rx.recv(), 7);
    });
}

// --- select

TEST_P(Oneshot, IsACaseOfASelectThatIsReady) {
    run([] {
        auto [tx, rx] = make_oneshot<int>();
        const auto look = [](oneshot_receiver<int>& from) {
            return select(on_recv(from, [](std::optional<int> value) { return value.value_or(-1); }),
                otherwise([] { return -2; }));
        };
        EXPECT_EQ(look(rx), -2);
        EXPECT_EQ(waiting(rx), 0U);
        tx.send(7);
        EXPECT_EQ(look(rx), 7);
        EXPECT_EQ(look(rx), -1);
    });
}

TEST_P(Oneshot, EndsASelectThatWaits) {
    run([] {
        for (const bool sent : {true, false}) {
            auto ends = make_oneshot<int>();
            const channel<int> other(0);
            actors sending;
            sending.start([&, tx = std::move(ends.tx)]() mutable {
                until([&] { return waiting(tx) == 2; });
                if (sent) tx.send(7);
                const auto ended = std::move(tx);
            });
            int happened = 0;
            const auto note = [&](std::optional<int> value) {
                ++happened;
                EXPECT_EQ(value, sent ? std::optional(7) : std::nullopt);
            };
            select(on_recv(ends.rx, note), on_recv(other, [](auto) { FAIL(); }), on_recv(ends.rx, note));
            EXPECT_EQ(happened, 1);
            EXPECT_EQ(waiting(ends.rx), 0U);
            EXPECT_EQ(test::receivers_waiting(other), 0U);
        }
    });
}

TEST_P(Oneshot, KeepsItsValueWhenAnotherCaseHappens) {
    run([] {
        auto [tx, rx] = make_oneshot<int>();
        EXPECT_FALSE(select(on_recv(rx, [](auto) { return true; }), on_timeout(1ms, [] { return false; })));
        EXPECT_EQ(waiting(rx), 0U);
        tx.send(7);
        const channel<int> other(1);
        other.send(1);
        select_biased(on_recv(other, [](auto) {}), on_recv(rx, [](auto) { FAIL(); }));
        selector cases;
        int got = 0;
        cases.add([&, from = &rx] {
            return on_recv(*from, [&](std::optional<int> value) { got = value.value_or(-1); });
        });
        EXPECT_EQ(cases.select(), 0U);
        EXPECT_EQ(got, 7);
        EXPECT_EQ(cases.select(), 0U);
        EXPECT_EQ(got, -1);
    });
}

// --- handles and values

template <class Handle>
concept makes_a_case =
    requires(Handle&& handle) { on_recv(std::forward<Handle>(handle), [](std::optional<int>) {}); };
static_assert(makes_a_case<oneshot_receiver<int>&> && !makes_a_case<oneshot_receiver<int>>);
static_assert(std::movable<oneshot_sender<int>> && !std::copyable<oneshot_sender<int>>);
static_assert(std::movable<oneshot_receiver<int>> && !std::copyable<oneshot_receiver<int>>);

TEST_P(Oneshot, AHandleMovedFromThrows) {
    run([] {
        auto [tx, rx] = make_oneshot<int>();
        auto sender = std::move(tx);
        auto receiver = std::move(rx);
        int value = 0;
        // NOLINTBEGIN(bugprone-use-after-move)
        EXPECT_THROW(tx.send(1), std::logic_error);
        EXPECT_THROW(rx.recv(), std::logic_error);
        EXPECT_THROW(rx.try_recv(value), std::logic_error);
        EXPECT_THROW(rx.recv_for(value, 1h), std::logic_error);
        EXPECT_THROW(on_recv(rx, [](auto) {}), std::logic_error);
        // NOLINTEND(bugprone-use-after-move)
        EXPECT_TRUE(sender.send(3));
        EXPECT_EQ(receiver.recv(), 3);
    });
}

TEST_P(Oneshot, AssigningAHandleEndsTheOldOne) {
    run([] {
        auto first = make_oneshot<int>();
        auto second = make_oneshot<int>();
        first.tx = std::move(second.tx);
        EXPECT_EQ(first.rx.recv(), std::nullopt);
        EXPECT_TRUE(first.tx.send(2));
        auto third = make_oneshot<int>();
        third.rx = std::move(second.rx);
        EXPECT_FALSE(third.tx.send(3));
        EXPECT_EQ(third.rx.recv(), 2);
    });
}

TEST_P(Oneshot, TheReceiversEndDestroysTheValue) {
    run([] {
        const auto counted = std::make_shared<int>(0);
        auto [tx, rx] = make_oneshot<std::shared_ptr<int>>();
        tx.send(counted);
        EXPECT_EQ(counted.use_count(), 2);
        { const auto ended = std::move(rx); }
        EXPECT_EQ(counted.use_count(), 1);
    });
}

TEST_P(Oneshot, AThrowingMoveLeavesTheValueWhereItWas) {
    run([] {
        auto [tx, rx] = make_oneshot<fragile>();
        fragile value(7);
        value.moves_to_throw = 1;
        EXPECT_THROW(tx.send(std::move(value)), std::runtime_error);
        EXPECT_EQ(value.value, 7); // NOLINT(bugprone-use-after-move)
        fragile out(0);
        EXPECT_EQ(rx.try_recv(out), channel_status::empty);
        EXPECT_TRUE(tx.send(std::move(value)));
        auto& placed = *detail::awaited_access::state(rx).value;
        placed.moves_to_throw = 2;
        EXPECT_THROW(rx.recv(), std::runtime_error);
        EXPECT_THROW(select(on_recv(rx, [](const auto&) {})), std::runtime_error);
        EXPECT_EQ(rx.recv().value().value, 7);
    });
}

// --- under load

TEST_P(Oneshot, EachValueIsReceivedOnceOrStaysWithItsSender) {
    run([] {
        constexpr int rounds = 2000;
        const channel<oneshot_receiver<int>> to_receivers(8);
        std::atomic<int> kept{0};
        std::atomic<int> received{0};
        std::atomic<int> dropped{0};
        actors all;
        for (int who = 0; who < 2; ++who)
            all.start([&] {
                unsigned turn = 0;
                while (auto rx = to_receivers.recv()) {
                    if (++turn % 3 == 0) {
                        ++dropped;
                        continue;
                    }
                    if (rx->recv()) ++received;
                    EXPECT_EQ(rx->recv(), std::nullopt);
                }
            });
        for (int i = 0; i < rounds; ++i) {
            auto [tx, rx] = make_oneshot<int>();
            to_receivers.send(std::move(rx));
            if (!tx.send(i)) ++kept;
        }
        to_receivers.close();
        all.join();
        EXPECT_EQ(received + dropped, rounds);
        EXPECT_LE(kept, dropped);
    });
}

} // namespace
} // namespace weft
