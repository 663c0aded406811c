// SPDX-License-Identifier: BSL-1.0
#include "support/actors.hpp"

#include <weft/channel.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>

namespace weft {
namespace {

using namespace std::chrono_literals;
using test::actors, test::until, test::receivers_waiting, test::senders_waiting;

class Channel : public test::with_each_channel {}; // not nil
INSTANTIATE_TEST_SUITE_P(Kinds, Channel,
    ::testing::Combine(
        ::testing::ValuesIn(test::all_settings), ::testing::Values(0U, 1U, 3U, test::no_limit)),
    test::name_of_channel);

class Bounded : public test::with_each_channel {};
INSTANTIATE_TEST_SUITE_P(Kinds, Bounded,
    ::testing::Combine(::testing::ValuesIn(test::all_settings), ::testing::Values(0U, 1U, 3U)),
    test::name_of_channel);

class Nil : public test::in_each_setting {};
INSTANTIATE_TEST_SUITE_P(Settings, Nil, ::testing::ValuesIn(test::all_settings), test::name_of_setting);

class Rendezvous : public test::in_each_setting {};
INSTANTIATE_TEST_SUITE_P(
    Settings, Rendezvous, ::testing::ValuesIn(test::all_settings), test::name_of_setting);

// Fills what room there is.
template <class T>
int fill(const channel<T>& to) {
    int sent = 0;
    if (to.capacity() == test::no_limit) return 0;
    while (to.try_send(T(sent)) == channel_status::ok) ++sent;
    return sent;
}

// --- C1: close

TEST_P(Channel, C1_SecondCloseThrows) {
    run([&] {
        const auto ch = make<int>();
        EXPECT_FALSE(ch.closed());
        ch.close();
        EXPECT_TRUE(ch.closed());
        EXPECT_THROW(ch.close(), channel_closed);
        EXPECT_THROW(sender<int>(ch).close(), channel_closed);
    });
}

TEST_P(Channel, C1_SendOnClosedThrowsAndTheValueStays) {
    run([&] {
        const auto ch = make<std::string>();
        ch.close();
        std::string value = "a text too long for the small string";
        const std::string same = value;
        EXPECT_THROW(ch.send(std::move(value)), channel_closed);
        EXPECT_EQ(
            value, same); // NOLINT(bugprone-use-after-move): that it was not moved from is what is tested
        EXPECT_THROW(ch.send(value), channel_closed);
        EXPECT_EQ(ch.try_send(std::move(value)), channel_status::closed);
        EXPECT_EQ(ch.send_for(std::move(value), 1h), channel_status::closed);
        EXPECT_EQ(ch.send_for(std::move(value), -1h), channel_status::closed);
        EXPECT_EQ(value, same); // NOLINT(bugprone-use-after-move)
    });
}

TEST_P(Bounded, C1_CloseWakesParkedSendersWhoseValuesStay) {
    run([&] {
        const auto ch = make<std::string>();
        while (ch.try_send("filling") == channel_status::ok) {}
        std::atomic<int> threw{0};
        actors senders;
        for (int i = 0; i < 3; ++i)
            senders.start([&, i] {
                std::string mine = "value " + std::to_string(i);
                EXPECT_THROW(ch.send(std::move(mine)), channel_closed);
                EXPECT_EQ(mine, "value " + std::to_string(i)); // NOLINT(bugprone-use-after-move)
                ++threw;
            });
        senders.start([&] {
            std::string mine = "timed";
            EXPECT_EQ(ch.send_for(std::move(mine), 24h), channel_status::closed);
            EXPECT_EQ(mine, "timed"); // NOLINT(bugprone-use-after-move)
            ++threw;
        });
        until([&] { return senders_waiting(ch) == 4; });
        ch.close();
        senders.join();
        EXPECT_EQ(threw, 4);
    });
}

TEST_P(Nil, C1_CloseThrows) {
    run([] {
        EXPECT_THROW(channel<int>().close(), channel_nil);
        EXPECT_THROW(sender<int>().close(), channel_nil);
    });
}

// --- C2: after the close

TEST_P(Channel, C2_BufferedValuesDrainThenNulloptForEver) {
    run([&] {
        const auto ch = make<int>();
        const int sent = std::max(fill(ch), capacity() == test::no_limit ? 200 : 0);
        if (capacity() == test::no_limit)
            for (int i = 0; i < sent; ++i) ch.send(i);
        ch.close();
        EXPECT_EQ(ch.size(), static_cast<std::size_t>(sent));
        for (int i = 0; i < sent; ++i) EXPECT_EQ(ch.recv(), i);
        for (int i = 0; i < 3; ++i) EXPECT_EQ(ch.recv(), std::nullopt);
        int kept = 7;
        EXPECT_EQ(ch.try_recv(kept), channel_status::closed);
        EXPECT_EQ(ch.recv_for(kept, 1h), channel_status::closed);
        EXPECT_EQ(ch.recv_for(kept, -1h), channel_status::closed);
        EXPECT_EQ(kept, 7);
    });
}

TEST_P(Channel, C2_CloseWakesAllReceivers) {
    run([&] {
        const auto ch = make<int>();
        std::atomic<int> woken{0};
        actors receivers;
        for (int i = 0; i < 5; ++i)
            receivers.start([&, i] {
                int value = 0;
                if (i == 0)
                    EXPECT_EQ(ch.recv_for(value, 24h), channel_status::closed);
                else
                    EXPECT_EQ(ch.recv(), std::nullopt);
                ++woken;
            });
        until([&] { return receivers_waiting(ch) == 5; });
        ch.close();
        receivers.join();
        EXPECT_EQ(woken, 5);
    });
}

// --- C3: nil

TEST_P(Nil, C3_IsNeverReady) {
    run([] {
        const channel<int> ch;
        int value = 5;
        EXPECT_FALSE(ch);
        EXPECT_FALSE(ch.closed());
        EXPECT_EQ(ch.size(), 0U);
        EXPECT_EQ(ch.capacity(), 0U);
        EXPECT_EQ(ch.try_send(1), channel_status::full);
        EXPECT_EQ(ch.try_recv(value), channel_status::empty);
        EXPECT_EQ(ch.send_for(1, 1ms), channel_status::timeout);
        EXPECT_EQ(ch.recv_for(value, 1ms), channel_status::timeout);
        EXPECT_EQ(value, 5);
        EXPECT_EQ(ch, channel<int>());
    });
}

TEST(NilOnFibers, C3_SendAndRecvWaitForEver) {
    weft::run([] {
        const channel<int> ch;
        auto sending = go([&] { ch.send(1); });
        auto receiving = go([&] { ch.recv(); });
        auto ranging = go([&] {
            for (const int each : ch) static_cast<void>(each);
        });
        for (int i = 0; i < 100; ++i) yield();
        for (auto* each : {&sending, &receiving, &ranging}) {
            each->cancel();
            EXPECT_THROW(each->join(), cancelled);
        }
    });
}

// --- C5: order

TEST_P(Channel, C5_ValuesOfASenderArriveInOrder) {
    run([&] {
        const auto ch = make<std::pair<int, int>>();
        constexpr int senders = 4;
        constexpr int each = 500;
        actors sending;
        for (int who = 0; who < senders; ++who)
            sending.start([&, who] {
                for (int i = 0; i < each; ++i) ch.send({who, i});
            });
        std::array<int, senders> next{};
        for (int i = 0; i < senders * each; ++i) {
            const auto value = ch.recv();
            ASSERT_TRUE(value);
            EXPECT_EQ(value->second, next[static_cast<std::size_t>(value->first)]++);
        }
        EXPECT_EQ(ch.size(), 0U);
    });
}

TEST_P(Channel, C5_ParkedReceiversAreServedFirstComeFirstServed) {
    run([&] {
        const auto ch = make<int>();
        std::array<std::atomic<int>, 6> got{};
        actors receivers;
        for (std::size_t i = 0; i < got.size(); ++i) {
            receivers.start([&, i] { got[i] = ch.recv().value_or(-1); });
            until([&] { return receivers_waiting(ch) == i + 1; });
        }
        for (int i = 0; i < 6; ++i) ch.send(100 + i);
        receivers.join();
        for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], 100 + static_cast<int>(i));
    });
}

TEST_P(Bounded, C5_ParkedSendersAreServedFirstComeFirstServed) {
    run([&] {
        const auto ch = make<int>();
        const int buffered = fill(ch);
        actors senders;
        for (int i = 0; i < 6; ++i) {
            senders.start([&, i] { ch.send(100 + i); });
            until([&] { return senders_waiting(ch) == static_cast<std::size_t>(i) + 1; });
        }
        for (int i = 0; i < buffered; ++i) EXPECT_EQ(ch.recv(), i);
        for (int i = 0; i < 6; ++i) EXPECT_EQ(ch.recv(), 100 + i);
    });
}

TEST_P(Bounded, C5_NobodyBargesPastAParkedSender) {
    run([&] {
        const auto ch = make<int>();
        fill(ch);
        actors senders;
        senders.start([&] { ch.send(100); });
        until([&] { return senders_waiting(ch) == 1; });
        EXPECT_EQ(ch.try_send(200), channel_status::full);
        if (capacity() == 0) return void(ch.recv());
        EXPECT_TRUE(ch.recv()); // the parked sender's value is in the buffer before anybody else's can be
        EXPECT_EQ(senders_waiting(ch), 0U);
        EXPECT_EQ(ch.try_send(200), channel_status::full);
    });
}

TEST_P(Rendezvous, C5_SendReturnsOnlyOnceItsValueIsTaken) {
    run([] {
        const channel<int> ch(0);
        std::atomic<bool> sent{false};
        actors sending;
        sending.start([&] {
            ch.send(1);
            sent = true;
        });
        until([&] { return senders_waiting(ch) == 1; });
        EXPECT_FALSE(sent);
        EXPECT_EQ(ch.size(), 0U);
        EXPECT_EQ(ch.recv(), 1);
        sending.join();
        EXPECT_TRUE(sent);
    });
}

TEST_P(Rendezvous, TrySendNeedsAWaitingReceiverAndTryRecvAWaitingSender) {
    run([] {
        const channel<int> ch(0);
        int value = 0;
        EXPECT_EQ(ch.try_send(1), channel_status::full);
        EXPECT_EQ(ch.try_recv(value), channel_status::empty);
        actors others;
        std::atomic<int> got{0};
        others.start([&] { got = *ch.recv(); });
        until([&] { return receivers_waiting(ch) == 1; });
        EXPECT_EQ(ch.try_send(1), channel_status::ok);
        others.join();
        EXPECT_EQ(got, 1);
        others.start([&] { ch.send(2); });
        until([&] { return senders_waiting(ch) == 1; });
        EXPECT_EQ(ch.try_recv(value), channel_status::ok);
        EXPECT_EQ(value, 2);
    });
}

// --- C7: snapshots

TEST_P(Channel, C7_SizeAndCapacityAreSnapshots) {
    run([&] {
        const auto ch = make<int>();
        EXPECT_EQ(ch.capacity(), capacity());
        EXPECT_TRUE(ch);
        EXPECT_EQ(ch.size(), 0U);
        const int sent = fill(ch);
        EXPECT_EQ(ch.size(), static_cast<std::size_t>(sent));
        EXPECT_EQ(sent, capacity() == test::no_limit ? 0 : static_cast<int>(capacity()));
        const sender<int> tx(ch);
        const receiver<int> rx = ch;
        EXPECT_EQ(tx.size(), ch.size());
        EXPECT_EQ(rx.capacity(), ch.capacity());
        EXPECT_FALSE(rx.closed());
    });
}

// --- deadlines and cancellation

TEST_P(Channel, ADeadlinePassesAndLeavesNobodyWaiting) {
    run([&] {
        const auto ch = make<int>();
        int value = 5;
        EXPECT_EQ(ch.recv_for(value, 1ms), channel_status::timeout);
        EXPECT_EQ(ch.recv_until(value, clock::now() - 1h), channel_status::timeout);
        EXPECT_EQ(value, 5);
        EXPECT_EQ(receivers_waiting(ch), 0U);
        if (capacity() == test::no_limit) return;
        fill(ch);
        EXPECT_EQ(ch.send_for(1, 1ms), channel_status::timeout);
        EXPECT_EQ(ch.send_for(1, 0ms), channel_status::timeout);
        EXPECT_EQ(senders_waiting(ch), 0U);
        EXPECT_EQ(ch.size(), capacity());
    });
}

TEST_P(Channel, AReadyOperationWinsOverADeadlineThatHasPassed) {
    run([&] {
        const auto ch = make<int>();
        int value = 0;
        if (capacity() != 0) {
            EXPECT_EQ(ch.send_for(1, -1h), channel_status::ok);
            EXPECT_EQ(ch.recv_until(value, clock::time_point::min()), channel_status::ok);
            EXPECT_EQ(value, 1);
            return;
        }
        actors others;
        others.start([&] { ch.send(2); });
        until([&] { return senders_waiting(ch) == 1; });
        EXPECT_EQ(ch.recv_for(value, -1h), channel_status::ok);
        EXPECT_EQ(value, 2);
    });
}

TEST_P(Bounded, ACancelledSendGaveNothingAndACancelledRecvTookNothing) {
    if (std::get<0>(GetParam()).threads())
        GTEST_SKIP() << "threads have no handle to be cancelled by; their scopes: tests/cancel";
    run([&] {
        const auto ch = make<int>();
        auto receiving = go([&] { ch.recv(); });
        until([&] { return receivers_waiting(ch) == 1; });
        receiving.cancel();
        EXPECT_THROW(receiving.join(), cancelled);
        EXPECT_EQ(receivers_waiting(ch), 0U);
        const int buffered = fill(ch);
        EXPECT_EQ(buffered, static_cast<int>(capacity()));
        auto sending = go([&] { ch.send(100); });
        until([&] { return senders_waiting(ch) == 1; });
        sending.cancel();
        EXPECT_THROW(sending.join(), cancelled);
        for (int i = 0; i < buffered; ++i) EXPECT_EQ(ch.recv(), i);
        int value = 0;
        EXPECT_EQ(ch.try_recv(value), channel_status::empty);
    });
}

TEST_P(Channel, ACancelledFiberTakesNothingThatIsReady) {
    if (std::get<0>(GetParam()).threads() || capacity() == 0)
        GTEST_SKIP() << "nothing is ready, or not cancelled";
    run([&] {
        const auto ch = make<int>();
        ch.send(1);
        std::atomic<bool> go_on{false};
        auto receiving = go([&] {
            until([&] {
                try {
                    yield();
                } catch (const cancelled&) {}
                return go_on.load();
            });
            ch.recv();
        });
        receiving.cancel();
        go_on = true;
        EXPECT_THROW(receiving.join(), cancelled);
        EXPECT_EQ(ch.size(), 1U);
    });
}

// --- handles and ranges

TEST_P(Channel, TheRangeEndsAtTheClose) {
    run([&] {
        const auto ch = make<std::unique_ptr<int>>();
        actors sending;
        sending.start([&] {
            for (int i = 0; i < 50; ++i) ch.send(std::make_unique<int>(i));
            ch.close();
        });
        std::vector<std::unique_ptr<int>> all;
        for (auto&& each : receiver<std::unique_ptr<int>>(ch)) all.push_back(std::move(each));
        ASSERT_EQ(all.size(), 50U);
        for (int i = 0; i < 50; ++i) EXPECT_EQ(*all[static_cast<std::size_t>(i)], i);
    });
}

TEST_P(Nil, ACopyOfAHandleIsTheSameChannel) {
    run([] {
        const channel<int> ch(1);
        const channel<int> same = ch; // NOLINT(performance-unnecessary-copy-initialization)
        EXPECT_EQ(ch, same);
        EXPECT_NE(ch, channel<int>(1));
        EXPECT_EQ(sender<int>(ch), sender<int>(same));
        same.send(3);
        EXPECT_EQ(ch.recv(), 3);
        channel<int> moved = channel<int>(ch);
        const channel<int> target = std::move(moved);
        EXPECT_FALSE(moved); // NOLINT(bugprone-use-after-move)
        EXPECT_EQ(target, ch);
    });
}

TEST_P(Nil, TheLastHandleFreesWhatIsLeft) {
    run([] {
        const auto counted = std::make_shared<int>(0);
        {
            channel<std::shared_ptr<int>> some(3);
            channel<std::shared_ptr<int>> many(unbounded);
            for (int i = 0; i < 3; ++i) some.send(counted);
            for (int i = 0; i < 1000; ++i) many.send(counted);
            EXPECT_TRUE(some.recv());
            EXPECT_TRUE(many.recv());
            EXPECT_EQ(counted.use_count(), 1 + 2 + 999);
        }
        EXPECT_EQ(counted.use_count(), 1);
    });
}

template <class Handle>
concept sends = requires(Handle handle) { handle.send(1); };
template <class Handle>
concept receives = requires(Handle handle) { handle.recv(); };
static_assert(sends<channel<int>> && receives<channel<int>>);
static_assert(sends<sender<int>> && !receives<sender<int>>);
static_assert(!sends<receiver<int>> && receives<receiver<int>>);
static_assert(
    !std::convertible_to<sender<int>, channel<int>> && !std::convertible_to<receiver<int>, channel<int>>);
static_assert(
    std::ranges::input_range<channel<int>> && std::ranges::input_range<receiver<std::unique_ptr<int>>>);

TEST(ChannelMisuse, ACapacityBeyondMemoryIsNamed) {
    try {
        channel<int>(static_cast<std::size_t>(-1));
        FAIL();
    } catch (const std::length_error& error) {
        EXPECT_NE(std::string(error.what()).find("18446744073709551615"), std::string::npos) << error.what();
    }
}

} // namespace
} // namespace weft
