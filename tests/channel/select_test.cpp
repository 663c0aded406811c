// SPDX-License-Identifier: BSL-1.0
#include "support/actors.hpp"

#include <weft/select.hpp>
#include <weft/selector.hpp>
#include <weft/time.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace weft {
namespace {

using namespace std::chrono_literals;
using test::actors, test::until, test::receivers_waiting, test::senders_waiting;

class Select : public test::in_each_setting {};
INSTANTIATE_TEST_SUITE_P(Settings, Select, ::testing::ValuesIn(test::all_settings), test::name_of_setting);

constexpr auto nothing = [] {};
constexpr auto drop = [](const auto&) {};

// --- the cases

TEST_P(Select, TakesTheCaseThatIsReady) {
    run([] {
        const channel<int> a(1);
        const channel<std::string> b(1);
        b.send("text");
        std::string got;
        select(on_recv(a, [](std::optional<int>) { FAIL(); }),
            on_recv(b, [&](std::optional<std::string> v) { got = *v; }));
        EXPECT_EQ(got, "text");
        select(on_recv(a, [](std::optional<int>) { FAIL(); }), on_send(b, "more", [&] { got = "sent"; }));
        EXPECT_EQ(got, "sent");
        EXPECT_EQ(b.recv(), "more");
    });
}

TEST_P(Select, GivesWhatTheHandlerGave) {
    run([] {
        const channel<int> a(1);
        a.send(20);
        const auto result = select(
            on_recv(a, [](std::optional<int> v) { return *v + 1; }), on_timeout(1h, [] { return 2.5; }));
        static_assert(std::is_same_v<decltype(result), const double>);
        EXPECT_EQ(result, 21.0);
        static_assert(std::is_void_v<decltype(select(on_recv(a, drop), otherwise(nothing)))>);
    });
}

TEST_P(Select, WaitsForTheFirstThatBecomesReady) {
    run([] {
        const channel<int> a(0);
        const channel<int> b(0);
        actors others;
        std::atomic<int> got{0};
        others.start([&] {
            select(on_recv(a, [&](std::optional<int> v) { got = *v; }),
                on_recv(b, [&](std::optional<int> v) { got = 10 * *v; }));
        });
        until([&] { return receivers_waiting(a) == 1 && receivers_waiting(b) == 1; });
        b.send(5);
        others.join();
        EXPECT_EQ(got, 50);
        EXPECT_EQ(receivers_waiting(a), 0U);
        EXPECT_EQ(receivers_waiting(b), 0U);
    });
}

TEST_P(Select, AWaitingSendIsTakenAndTheOthersWithdrawn) {
    run([] {
        const channel<std::unique_ptr<int>> a(0);
        const channel<int> b(0);
        actors others;
        std::atomic<bool> sent{false};
        others.start([&] {
            auto mine = std::make_unique<int>(7);
            select(on_send(a, mine, [&] { sent = true; }), on_recv(b, drop));
            EXPECT_EQ(mine, nullptr);
        });
        until([&] { return senders_waiting(a) == 1 && receivers_waiting(b) == 1; });
        EXPECT_EQ(**a.recv(), 7);
        others.join();
        EXPECT_TRUE(sent);
        EXPECT_EQ(receivers_waiting(b), 0U);
    });
}

TEST_P(Select, AValueNotSentStays) {
    run([] {
        const channel<std::unique_ptr<int>> full(0);
        auto mine = std::make_unique<int>(7);
        const std::string text = "constant";
        const channel<std::string> other(0);
        select(on_send(full, mine, [] { FAIL(); }), on_send(other, text, [] { FAIL(); }),
            on_timeout(1ms, nothing));
        ASSERT_NE(mine, nullptr);
        select(on_send(full, mine, [] { FAIL(); }), otherwise(nothing));
        ASSERT_NE(mine, nullptr);
        select(on_send(full, std::move(mine), [] { FAIL(); }), otherwise(nothing));
        ASSERT_NE(
            mine, nullptr); // NOLINT(bugprone-use-after-move): that it was not moved from is what is tested
        EXPECT_EQ(text, "constant");
    });
}

TEST_P(Select, AConstantIsCopiedAndATemporaryMoved) {
    run([] {
        const channel<std::string> ch(2);
        const std::string text = "constant";
        select(on_send(ch, text, nothing));
        select(on_send(ch, std::string("passing"), nothing));
        EXPECT_EQ(text, "constant");
        EXPECT_EQ(ch.recv(), "constant");
        EXPECT_EQ(ch.recv(), "passing");
    });
}

TEST_P(Select, TimesOut) {
    run([] {
        const channel<int> ch(0);
        const auto begin = clock::now();
        EXPECT_EQ(select(on_recv(ch, [](auto) { return 1; }), on_timeout(2ms, [] { return 2; }),
                      on_timeout(1h, [] { return 3; })),
            2);
        EXPECT_GE(clock::now(), begin + 2ms);
        EXPECT_EQ(receivers_waiting(ch), 0U);
        EXPECT_EQ(
            select(on_recv(ch, [](auto) { return 1; }), on_timeout(clock::now() - 1h, [] { return 2; })), 2);
        EXPECT_EQ(select(on_timeout(-1h, [] { return 2; })), 2);
    });
}

TEST_P(Select, AReadyCaseWinsOverATimeThatHasPassed) {
    run([] {
        const channel<int> ch(1);
        for (int i = 0; i < 100; ++i) {
            ch.send(1);
            EXPECT_EQ(select(on_timeout(-1h, [] { return 2; }), on_recv(ch, [](auto) { return 1; })), 1);
        }
    });
}

TEST_P(Select, ReceivesFromATimer) {
    run([] {
        const channel<int> ch(0);
        EXPECT_EQ(select(on_recv(ch, [](auto) { return 1; }),
                      on_recv(after(1ms), [](std::optional<tick>) { return 2; })),
            2);
    });
}

TEST_P(Select, AFibersEndIsACase) {
    run([] {
        const channel<int> never_ready(0);
        auto f = go([] { return 42; });
        int result = 0;
        select(on_recv(never_ready, drop), on_join(f, [&](auto& ended) { result = ended.join(); }));
        EXPECT_EQ(result, 42);
        EXPECT_FALSE(f.joinable());
        EXPECT_THROW(on_join(f, drop), std::logic_error);

        const channel<unit> gate(0);
        auto slow = go([=] {
            gate.recv();
            throw std::runtime_error("thrown");
        });
        EXPECT_EQ(select(on_join(slow, [](auto&) { return 1; }), otherwise([] { return 2; })), 2);
        EXPECT_EQ(select(on_join(slow, [](auto&) { return 1; }), on_timeout(1ms, [] { return 2; })), 2);
        EXPECT_EQ(select(on_join(slow, [](auto&) { return 1; }), on_send(gate, unit(), [] { return 2; })), 2);
        select(on_join(slow, [](auto& ended) { EXPECT_THROW(ended.join(), std::runtime_error); }));
    });
}

// --- C4

TEST_P(Select, C4_OtherwiseOnlyIfNothingWasReady) {
    run([] {
        const channel<int> a(1);
        const channel<int> b(1);
        EXPECT_EQ(select(on_recv(a, [](auto) { return 1; }), on_recv(b, [](auto) { return 2; }),
                      otherwise([] { return 3; })),
            3);
        b.send(1);
        EXPECT_EQ(select(on_recv(a, [](auto) { return 1; }), on_recv(b, [](auto) { return 2; }),
                      otherwise([] { return 3; })),
            2);
        EXPECT_EQ(select(otherwise([] { return 3; })), 3);
        a.send(1);
        EXPECT_EQ(select(on_send(a, 1, [] { return 1; }), otherwise([] { return 3; })), 3);
    });
}

// One value wanders between two channels, and is always in one of them but while its mover has it - which it has only while the
// other channel holds another one. So at each instant one of the two is ready.
TEST_P(Select, C4_OtherwiseSeesOneInstant) {
    run([] {
        const channel<int> a(2);
        const channel<int> b(2);
        a.send(1);
        std::atomic<bool> stop{false};
        actors movers;
        movers.start([&] {
            while (!stop) {
                b.send(2); // now both are ready
                int value = 0;
                while (a.try_recv(value) != channel_status::ok && !stop) yield();
                a.send(1);
                while (b.try_recv(value) != channel_status::ok && !stop) yield();
                yield();
            }
        });
        for (int i = 0; i < 20'000 * test::stress_factor(); ++i)
            select(on_recv(a, [&](auto) { a.send(1); }), on_recv(b, [&](auto) { b.send(2); }),
                otherwise([] { FAIL(); }));
        stop = true;
    });
}

TEST_P(Select, C4_ChoosesUniformlyAmongTheReady) {
    run([] {
        std::array<channel<int>, 4> ready;
        for (auto& each : ready) each = channel<int>(1);
        const channel<int> not_ready(0);
        std::array<int, 4> counts{};
        constexpr int rounds = 8000;
        for (auto& each : ready) each.send(0);
        const auto take = [&](std::size_t which) {
            return [&, which](auto) {
                ++counts[which];
                ready[which].send(0);
            };
        };
        for (int i = 0; i < rounds; ++i)
            select(on_recv(not_ready, drop), on_recv(ready[0], take(0)), on_recv(ready[1], take(1)),
                on_recv(not_ready, drop), on_recv(ready[2], take(2)), on_recv(ready[3], take(3)));
        // 2000 expected, standard deviation 39: seven of them
        for (const int count : counts) EXPECT_NEAR(count, rounds / 4, 280);
    });
}

TEST_P(Select, C4_BiasedTakesTheFirstReadyInOrder) {
    run([] {
        const channel<int> a(8);
        const channel<int> b(8);
        for (int i = 0; i < 5; ++i) {
            a.send(i);
            b.send(i);
        }
        std::string order;
        for (int i = 0; i < 10; ++i)
            select_biased(on_recv(a, [&](auto) { order += 'a'; }), on_recv(b, [&](auto) { order += 'b'; }));
        EXPECT_EQ(order, "aaaaabbbbb");
        EXPECT_EQ(select_biased(on_recv(a, [](auto) { return 1; }), otherwise([] { return 2; })), 2);
    });
}

TEST_P(Select, C4_AClosedChannelIsAlwaysReadyToReceive) {
    run([] {
        const channel<int> closed(1);
        const channel<int> open(0);
        closed.send(1);
        closed.close();
        std::optional<int> got;
        select(on_recv(closed, [&](auto v) { got = v; }), on_recv(open, drop));
        EXPECT_EQ(got, 1);
        for (int i = 0; i < 3; ++i)
            select(on_recv(closed, [&](auto v) { got = v; }), on_recv(open, drop), otherwise([] { FAIL(); }));
        EXPECT_EQ(got, std::nullopt);
    });
}

TEST_P(Select, C4_AChannelMayAppearTwice) {
    run([] {
        const channel<int> ch(0);
        std::array<int, 3> counts{};
        actors sending;
        sending.start([&] {
            for (int i = 0; i < 300; ++i) ch.send(i);
        });
        for (int i = 0; i < 300; ++i)
            select(on_recv(ch,
                       [&](auto v) {
                           EXPECT_EQ(v, i);
                           ++counts[0];
                       }),
                on_recv(ch,
                    [&](auto v) {
                        EXPECT_EQ(v, i);
                        ++counts[1];
                    }),
                on_recv(receiver<int>(ch), [&](auto v) {
                    EXPECT_EQ(v, i);
                    ++counts[2];
                }));
        EXPECT_EQ(counts[0] + counts[1] + counts[2], 300);
        EXPECT_EQ(receivers_waiting(ch), 0U);
    });
}

TEST_P(Select, C4_DoesNotMeetItself) {
    run([] {
        const channel<int> ch(0);
        EXPECT_EQ(select(on_send(ch, 1, [] { return 1; }), on_recv(ch, [](auto) { return 2; }),
                      on_timeout(1ms, [] { return 3; })),
            3);
        EXPECT_EQ(select(on_send(ch, 1, [] { return 1; }), on_recv(ch, [](auto) { return 2; }),
                      otherwise([] { return 3; })),
            3);
        actors others;
        std::atomic<int> sum{0};
        for (int who = 0; who < 4; ++who)
            others.start([&] {
                for (int i = 0; i < 500; ++i)
                    select(on_send(ch, 1, [&] { sum += 1; }), on_recv(ch, [&](auto v) { sum -= *v; }),
                        on_timeout(1ms, nothing));
            });
        others.join();
        EXPECT_EQ(sum, 0);
    });
}

TEST_P(Select, C3_NilCasesNeverHappen) {
    run([] {
        const channel<int> nil;
        EXPECT_EQ(select(on_recv(nil, [](auto) { return 1; }), on_send(nil, 1, [] { return 2; }),
                      otherwise([] { return 3; })),
            3);
        EXPECT_EQ(select(on_recv(nil, [](auto) { return 1; }), on_timeout(1ms, [] { return 2; })), 2);
    });
}

TEST(SelectOnFibers, C3_OfNilCasesOnlyWaitsForEver) {
    weft::run([] {
        const channel<int> nil;
        auto waiting = go([&] { select(on_recv(nil, drop), on_send(nil, 1, nothing)); });
        auto empty = go([] { select(); });
        for (int i = 0; i < 100; ++i) yield();
        waiting.cancel();
        empty.cancel();
        EXPECT_THROW(waiting.join(), cancelled);
        EXPECT_THROW(empty.join(), cancelled);
    });
}

TEST(SelectOnFibersDeathTest, C3_OfNilCasesOnlyIsADeadlock) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const channel<int> nil;
    EXPECT_EXIT(weft::run([&] { select(on_recv(nil, drop)); }), ::testing::ExitedWithCode(2),
        "all fibers are asleep - deadlock!(.|\n)*select");
}

// --- C1 in a select

TEST_P(Select, C1_ASendOnClosedIsReadyAndThrows) {
    run([] {
        const channel<std::string> closed(1);
        closed.close();
        std::string mine = "kept";
        EXPECT_THROW(
            select(on_send(closed, mine, [] { FAIL(); }), otherwise([] { FAIL(); })), channel_closed);
        EXPECT_EQ(mine, "kept");
        const channel<int> open(0);
        EXPECT_THROW(select(on_recv(open, drop), on_send(closed, mine, [] { FAIL(); })), channel_closed);
        EXPECT_EQ(mine, "kept");
    });
}

TEST_P(Select, C1_CloseWakesThoseWhoWait) {
    run([] {
        const channel<int> sending(0);
        const channel<int> receiving(0);
        actors others;
        std::atomic<int> woken{0};
        others.start([&] {
            EXPECT_THROW(
                select(on_send(sending, 1, [] { FAIL(); }), on_timeout(24h, nothing)), channel_closed);
            ++woken;
        });
        others.start([&] {
            select(on_recv(receiving,
                       [&](std::optional<int> v) {
                           EXPECT_EQ(v, std::nullopt);
                           ++woken;
                       }),
                on_timeout(24h, nothing));
        });
        until([&] { return senders_waiting(sending) == 1 && receivers_waiting(receiving) == 1; });
        sending.close();
        receiving.close();
        others.join();
        EXPECT_EQ(woken, 2);
    });
}

TEST_P(Select, HandlersMayBlockSelectAndThrow) {
    run([] {
        const channel<int> a(1);
        a.send(1);
        EXPECT_THROW(
            select(on_recv(a, [](auto) { throw std::runtime_error("of a handler"); })), std::runtime_error);
        a.send(2);
        int inner = 0;
        select(on_recv(a, [&](auto v) {
            a.send(*v + 1);
            select(on_recv(a, [&](auto w) { inner = *w; }));
        }));
        EXPECT_EQ(inner, 3);
    });
}

TEST(SelectOnFibers, ACancelledSelectTookNothing) {
    for (const unsigned workers : {1U, 4U})
        weft::run(
            [] {
                const channel<int> a(0);
                const channel<int> b(0);
                auto selecting = go([&] { select(on_recv(a, drop), on_send(b, 1, nothing)); });
                until([&] { return receivers_waiting(a) == 1 && senders_waiting(b) == 1; });
                selecting.cancel();
                EXPECT_THROW(selecting.join(), cancelled);
                EXPECT_EQ(receivers_waiting(a), 0U);
                EXPECT_EQ(senders_waiting(b), 0U);
            },
            {.workers = workers});
}

// --- selector

TEST_P(Select, ASelectorIsReusedAndNamesTheCase) {
    run([] {
        const channel<int> a(4);
        const channel<std::string> b(4);
        selector s;
        int sum = 0;
        s.on_recv(a, [&](std::optional<int> v) { sum += v.value_or(0); });
        s.on_send(b, "kept", [] {});
        s.on_timeout(24h, [] { FAIL(); });
        EXPECT_EQ(s.size(), 3U);
        for (int i = 0; i < 4; ++i) EXPECT_EQ(s.select(), 1U); // a is empty
        for (int i = 0; i < 4; ++i) a.send(10);
        for (int i = 0; i < 4; ++i) EXPECT_EQ(s.select(), 0U); // b is full
        EXPECT_EQ(sum, 40);
        for (int i = 0; i < 4; ++i) EXPECT_EQ(b.recv(), "kept");
        s.otherwise([] {});
        EXPECT_THROW(s.otherwise([] {}), std::logic_error);
        for (int i = 0; i < 4; ++i) b.send("filling");
        EXPECT_EQ(s.select(), 3U);
        a.send(2);
        EXPECT_EQ(s.select_biased(), 0U);
        s.clear();
        s.on_timeout(0ms, [] {});
        EXPECT_EQ(s.select(), 0U);
    });
}

TEST_P(Select, ASelectorHasAHundredCases) {
    run([] {
        std::vector<channel<int>> all;
        for (int i = 0; i < 100; ++i) all.emplace_back(0);
        selector s;
        int got = -1;
        for (const auto& each : all) s.on_recv(each, [&](std::optional<int> v) { got = *v; });
        actors sending;
        sending.start([&] {
            for (int i = 0; i < 300; ++i) all[static_cast<std::size_t>(i * 37 % 100)].send(i);
        });
        for (int i = 0; i < 300; ++i) {
            EXPECT_EQ(s.select(), static_cast<std::size_t>(i * 37 % 100));
            EXPECT_EQ(got, i);
        }
    });
}

TEST_P(Select, ASelectorTakesAnyCase) {
    run([] {
        auto f = go([] { return 3; });
        selector s;
        int result = 0;
        s.add([&] { return on_join(f, [&](auto& ended) { result = ended.join(); }); });
        EXPECT_EQ(s.select(), 0U);
        EXPECT_EQ(result, 3);
    });
}

TEST_P(Select, ASelectorAfterACloseAndAnotherWait) {
    run([] {
        const channel<int> a(0);
        const channel<int> b(0);
        selector s;
        std::optional<int> got = 1;
        s.on_recv(a, [&](std::optional<int> v) { got = v; });
        s.on_recv(b, [&](std::optional<int> v) { got = v; });
        actors others;
        others.start([&] { a.close(); });
        EXPECT_EQ(s.select(), 0U);
        EXPECT_EQ(got, std::nullopt);
        others.join();
        others.start([&] { b.send(5); });
        while (s.select() != 1U) {}
        EXPECT_EQ(got, 5);
    });
}

} // namespace
} // namespace weft
