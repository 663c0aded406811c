// SPDX-License-Identifier: BSL-1.0
#include "support/linearizability.hpp"

#include "support/sequential_models.hpp"

#include <numeric>
#include <random>
#include <string>

namespace weft::test {
namespace {

using channel_history = history<channel_operation>;
using semaphore_history = history<semaphore_operation>;

channel_operation send(int value, outcome is = outcome::done) {
    return {channel_operation::send, "send", value, is};
}
channel_operation recv(int value, outcome is = outcome::done) {
    return {channel_operation::recv, "recv", value, is};
}
channel_operation recv_finds(outcome is) { return {channel_operation::recv, "recv", 0, is}; }
channel_operation close(outcome is = outcome::done) { return {channel_operation::close, "close", 0, is}; }
semaphore_operation acquire(int permits, outcome is = outcome::done) {
    return {semaphore_operation::acquire, "acquire", permits, is};
}
semaphore_operation try_acquire(int permits, outcome is = outcome::done) {
    return {semaphore_operation::try_acquire, "try_acquire", permits, is};
}
semaphore_operation release(int permits) {
    return {semaphore_operation::release, "release", permits, outcome::done};
}

::testing::AssertionResult holds(std::size_t capacity, const channel_history& all) {
    if (capacity == 0) return is_linearizable(with_exchanges(all), rendezvous_model());
    return is_linearizable(all, channel_model(capacity));
}
::testing::AssertionResult holds(int permits, const semaphore_history& all) {
    return is_linearizable(with_queue(all), semaphore_model(permits));
}

// --- channels

TEST(Linearizability, NothingHappened) { EXPECT_TRUE(holds(1, channel_history())); }

TEST(Linearizability, ValuesInOrder) {
    EXPECT_TRUE(holds(2, {{0, send(1), 0, 1}, {0, send(2), 2, 3}, {1, recv(1), 4, 5}, {1, recv(2), 6, 7}}));
}

TEST(Linearizability, OverlappingSendsInEitherOrder) {
    EXPECT_TRUE(holds(2, {{0, send(1), 0, 3}, {1, send(2), 1, 2}, {2, recv(1), 4, 5}, {2, recv(2), 6, 7}}));
    EXPECT_TRUE(holds(2, {{0, send(1), 0, 3}, {1, send(2), 1, 2}, {2, recv(2), 4, 5}, {2, recv(1), 6, 7}}));
}

TEST(Linearizability, ReorderedValuesOfOneSender) {
    EXPECT_FALSE(holds(2, {{0, send(1), 0, 1}, {0, send(2), 2, 3}, {1, recv(2), 4, 5}, {1, recv(1), 6, 7}}));
    // Also where everything but the sender's order overlaps.
    EXPECT_FALSE(holds(2, {{0, send(1), 0, 2}, {0, send(2), 3, 9}, {1, recv(2), 1, 5}, {1, recv(1), 6, 10}}));
}

TEST(Linearizability, LostValue) {
    EXPECT_FALSE(holds(3, {{0, send(1), 0, 1}, {0, send(2), 2, 3}, {1, recv(2), 4, 5}}));
    EXPECT_FALSE(holds(3, {{0, send(1), 0, 1}, {0, close(), 2, 3}, {1, recv_finds(outcome::closed), 4, 5}}));
    EXPECT_FALSE(holds(3, {{0, send(1), 0, 1}, {1, recv_finds(outcome::not_now), 2, 3}}));
}

TEST(Linearizability, DoubledValue) {
    EXPECT_FALSE(holds(3, {{0, send(1), 0, 10}, {1, recv(1), 1, 11}, {2, recv(1), 2, 12}}));
    EXPECT_FALSE(holds(0, {{0, send(1), 0, 10}, {1, recv(1), 1, 11}, {2, recv(1), 2, 12}}));
}

TEST(Linearizability, ValueFromNowhere) {
    EXPECT_FALSE(holds(3, {{1, recv(1), 0, 1}}));
    EXPECT_FALSE(holds(3, {{1, recv(1), 0, 1}, {0, send(1), 2, 3}}));
    EXPECT_FALSE(holds(3, {{0, send(1, outcome::closed), 0, 10}, {2, close(), 0, 10}, {1, recv(1), 1, 11}}));
}

TEST(Linearizability, ClosedBeforeTheBufferedValue) {
    EXPECT_FALSE(holds(2,
        {{0, send(1), 0, 1}, {0, close(), 2, 3}, {1, recv_finds(outcome::closed), 4, 5},
            {1, recv(1), 6, 7}}));
    EXPECT_TRUE(holds(2,
        {{0, send(1), 0, 1}, {0, close(), 2, 3}, {1, recv_finds(outcome::closed), 4, 7},
            {2, recv(1), 5, 6}}));
}

TEST(Linearizability, ClosedOnlyAfterClose) {
    EXPECT_FALSE(holds(2, {{1, recv_finds(outcome::closed), 0, 1}, {0, close(), 2, 3}}));
    EXPECT_FALSE(holds(2, {{0, close(), 0, 1}, {1, send(1), 2, 3}, {0, recv(1), 4, 5}}));
    EXPECT_FALSE(holds(2, {{0, close(), 0, 1}, {1, send(1, outcome::not_now), 2, 3}}));
    EXPECT_FALSE(holds(2, {{0, close(), 0, 3}, {1, close(), 1, 2}}));
    EXPECT_TRUE(holds(2, {{0, close(), 0, 3}, {1, close(outcome::closed), 1, 2}}));
}

TEST(Linearizability, CapacityIsALimitAndAPromise) {
    const channel_history two_sent = {{0, send(1), 0, 1}, {0, send(2), 2, 3}};
    EXPECT_FALSE(holds(1, two_sent));
    EXPECT_TRUE(holds(2, two_sent));
    const channel_history one_refused = {{0, send(1), 0, 1}, {0, send(2, outcome::not_now), 2, 3}};
    EXPECT_TRUE(holds(1, one_refused));
    EXPECT_FALSE(holds(2, one_refused));
    EXPECT_FALSE(holds(channel_model::unbounded, one_refused));
    EXPECT_TRUE(holds(1, {{0, send(1), 0, 1}, {0, send(2), 2, 5}, {1, recv(1), 3, 4}}));
}

TEST(Linearizability, ACancelledOperationDidNothing) {
    EXPECT_TRUE(holds(1,
        {{0, send(1, outcome::cancelled), 0, 1}, {1, recv_finds(outcome::cancelled), 0, 1},
            {2, recv_finds(outcome::not_now), 2, 3}}));
    EXPECT_FALSE(holds(1, {{0, send(1, outcome::cancelled), 0, 5}, {1, recv(1), 1, 6}}));
    EXPECT_FALSE(holds(1,
        {{0, send(1), 0, 1}, {1, recv_finds(outcome::cancelled), 2, 3},
            {2, recv_finds(outcome::not_now), 4, 5}}));
}

TEST(Linearizability, AnOperationCutOffHappenedOrNot) {
    const recorded<channel_operation> cut_off_send{0, send(1, outcome::unknown), 1, no_response};
    EXPECT_TRUE(holds(1, {cut_off_send}));
    EXPECT_TRUE(holds(1, {cut_off_send, {1, recv(1), 8, 9}}));
    EXPECT_TRUE(holds(1, {cut_off_send, {1, recv_finds(outcome::not_now), 4, 5}, {1, recv(1), 8, 9}}));
    EXPECT_FALSE(holds(1, {cut_off_send, {1, recv(1), 8, 9}, {1, recv(1), 10, 11}}));
    EXPECT_FALSE(holds(1, {{1, recv(1), 0, 0}, cut_off_send}));
    const recorded<channel_operation> cut_off_recv{1, recv_finds(outcome::unknown), 1, no_response};
    EXPECT_TRUE(holds(1, {cut_off_recv, {0, send(1), 2, 3}, {0, send(2), 4, 5}}));
    EXPECT_FALSE(holds(1, {cut_off_recv, {0, send(1), 2, 3}, {0, send(2), 4, 5}, {0, send(3), 6, 7}}));
    EXPECT_TRUE(holds(0, {cut_off_send, {1, recv(1), 8, 9}}));
}

TEST(Linearizability, ARendezvousIsAtOneInstantOfBoth) {
    EXPECT_TRUE(holds(0, {{0, send(1), 0, 2}, {1, recv(1), 1, 3}}));
    EXPECT_FALSE(holds(0, {{0, send(1), 0, 1}, {1, recv(1), 2, 3}}));
    EXPECT_FALSE(holds(0, {{0, send(1), 0, 1}}));
    EXPECT_FALSE(holds(0, {{0, send(1), 0, 5}, {1, close(), 1, 2}, {2, recv(1), 3, 4}}));
    EXPECT_FALSE(
        holds(0, {{0, send(1), 0, 9}, {0, send(2), 10, 19}, {1, recv(2), 0, 30}, {2, recv(1), 11, 30}}));
    EXPECT_TRUE(holds(0, {{0, send(1, outcome::not_now), 0, 2}, {1, recv_finds(outcome::not_now), 1, 3}}));
}

// --- semaphores

TEST(Linearizability, PermitsGoRound) {
    EXPECT_TRUE(holds(1, {{0, acquire(1), 0, 1}, {1, acquire(1), 2, 5}, {0, release(1), 3, 4}}));
    EXPECT_TRUE(holds(
        3, {{0, acquire(2), 0, 1}, {1, try_acquire(1), 2, 3}, {2, try_acquire(1, outcome::not_now), 4, 5}}));
}

TEST(Linearizability, OverGrant) {
    EXPECT_FALSE(holds(1, {{0, acquire(1), 0, 2}, {1, acquire(1), 1, 3}}));
    EXPECT_FALSE(holds(3, {{0, acquire(2), 0, 5}, {1, try_acquire(2), 0, 5}, {2, release(1), 6, 7}}));
    EXPECT_FALSE(holds(1, {{0, acquire(1), 0, 1}, {1, acquire(1), 2, 3}, {0, release(1), 4, 5}}));
}

TEST(Linearizability, LostPermit) {
    EXPECT_FALSE(holds(0, {{0, release(2), 0, 1}, {1, try_acquire(2, outcome::not_now), 2, 3}}));
    EXPECT_FALSE(holds(0, {{0, release(2), 0, 1}, {1, acquire(2, outcome::not_now), 2, 3}}));
    EXPECT_FALSE(
        holds(2, {{0, acquire(2, outcome::cancelled), 0, 1}, {1, try_acquire(2, outcome::not_now), 2, 3}}));
}

TEST(Linearizability, ABigWaiterBlocksSmallOnes) {
    EXPECT_TRUE(
        holds(1, {{0, acquire(3, outcome::not_now), 0, 9}, {1, try_acquire(1, outcome::not_now), 1, 2}}));
    EXPECT_TRUE(
        holds(1, {{0, acquire(3), 0, 9}, {1, acquire(1, outcome::not_now), 1, 2}, {2, release(2), 3, 4}}));
    EXPECT_FALSE(
        holds(1, {{0, acquire(3, outcome::not_now), 0, 3}, {1, try_acquire(1, outcome::not_now), 4, 5}}));
    // That the big one was refused for want of permits shows that it was there; the small one came by it.
    EXPECT_FALSE(holds(
        3, {{0, acquire(3), 0, 20}, {1, acquire(1, outcome::not_now), 0, 1}, {2, try_acquire(1), 2, 3}}));
}

// --- the search itself

// An independent oracle: every order of every choice of what happened.
bool some_order_explains(const channel_history& all, const channel_model& initial) {
    std::vector<std::size_t> order(all.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    do {
        channel_model state = initial;
        std::size_t used = 0;
        bool fits = true;
        for (std::size_t i = 0; i < order.size() && fits; ++i) {
            for (std::size_t later = i + 1; later < order.size(); ++later)
                fits = fits && all[order[later]].responded >= all[order[i]].invoked;
            fits = fits && state.apply(all[order[i]].operation);
            used += fits ? 1 : 0;
        }
        bool only_cut_off_left = true;
        for (std::size_t i = used; i < order.size(); ++i)
            only_cut_off_left = only_cut_off_left && all[order[i]].responded == no_response;
        if (only_cut_off_left) return true;
    } while (std::next_permutation(order.begin(), order.end()));
    return false;
}

// What an operation, given an instant of its own, finds.
void settle(channel_operation& operation, channel_model& state, int newest) {
    for (const outcome is : {outcome::done, outcome::not_now, outcome::closed})
        for (int value = 1; value <= newest; ++value) {
            channel_operation attempt = operation;
            attempt.is = is;
            if (operation.what == channel_operation::recv) attempt.value = value;
            channel_model after = state;
            if (!after.apply(attempt)) continue;
            operation = attempt;
            state = after;
            return;
        }
}

// Good by construction, unless `spoiled`: then one outcome or value is another one, which may be good all the same.
channel_history random_history(std::mt19937& random, channel_model state, bool spoiled) {
    constexpr std::size_t actors = 3;
    constexpr int operations = 6;
    channel_history all;
    std::vector<std::pair<stamp, std::size_t>> instants;
    stamp free_from[actors] = {};
    for (int i = 1; i <= operations; ++i) {
        const std::size_t actor = random() % actors;
        if (free_from[actor] == no_response) continue;
        channel_operation operation = random() % 2 == 0 ? send(i) : recv_finds(outcome::done);
        if (random() % 8 == 0) operation = close();
        const stamp invoked = free_from[actor] + random() % 4;
        const stamp responded = invoked + random() % 8;
        const bool cut_off = random() % 12 == 0;
        instants.emplace_back(invoked + random() % (responded - invoked + 1), all.size());
        all.push_back({actor, operation, invoked, cut_off ? no_response : responded});
        free_from[actor] = cut_off ? no_response : responded + 1;
    }
    std::sort(instants.begin(), instants.end());
    for (const auto& [instant, i] : instants) settle(all[i].operation, state, operations);
    if (spoiled) {
        channel_operation& one = all[random() % all.size()].operation;
        one.is = random() % 2 == 0 ? outcome::done : outcome::closed;
        if (one.what == channel_operation::recv) one.value = static_cast<int>(1 + random() % operations);
    }
    for (auto& entry : all)
        if (entry.responded == no_response) entry.operation.is = outcome::unknown;
    return all;
}

TEST(Linearizability, AgreesWithTryingEveryOrder) {
    int good = 0;
    for (unsigned seed = 0; seed < 3000; ++seed) {
        std::mt19937 random(seed);
        const channel_model initial(1 + random() % 2);
        const bool spoiled = random() % 4 != 0;
        const channel_history all = random_history(random, initial, spoiled);
        const bool expected = some_order_explains(all, initial);
        ASSERT_TRUE(expected || spoiled) << "seed " << seed << '\n' << printed(all);
        ASSERT_EQ(linearizer<channel_model>(all).search(initial).found, expected) << "seed " << seed << '\n'
                                                                                  << printed(all);
        good += expected ? 1 : 0;
    }
    // Else the comparison says little.
    EXPECT_GT(good, 1000);
    EXPECT_LT(good, 2000);
}

TEST(Linearizability, TheOrderFoundIsOne) {
    const channel_history all = {
        {0, send(1), 0, 9}, {1, send(2), 1, 8}, {2, recv(2), 2, 7}, {2, recv(1), 10, 11}};
    const linearization result = linearizer<channel_model>(all).search(channel_model(1));
    ASSERT_TRUE(result.found);
    EXPECT_EQ(result.order, (std::vector<std::size_t>{1, 2, 0, 3}));
}

// Each of the actors overlaps with all others: without the memory of what was tried, 15! orders.
TEST(Linearizability, RemembersWhatWasTried) {
    channel_history all;
    for (std::size_t i = 0; i < 7; ++i) {
        all.push_back({i, send(1), 0, 100});
        all.push_back({7 + i, recv(1), 0, 100});
    }
    EXPECT_TRUE(holds(3, all));
    all.push_back({14, recv(1), 0, 100});
    EXPECT_FALSE(holds(3, all));
}

TEST(Linearizability, ALongHistoryOfFewActorsIsNoTrouble) {
    channel_history all;
    for (int i = 0; i < 1000; ++i) {
        const auto at = static_cast<stamp>(10 * i);
        all.push_back({0, send(2 * i), at, at + 9});
        all.push_back({1, send(2 * i + 1), at + 1, at + 8});
        all.push_back({2, recv(2 * i + 1), at + 2, at + 9});
        all.push_back({3, recv(2 * i), at + 2, at + 9});
    }
    EXPECT_TRUE(holds(1, all));
}

TEST(Linearizability, AFailureShowsTheHistory) {
    const auto result = holds(
        2, {{0, send(7), 0, 1}, {1, recv_finds(outcome::closed), 2, 3}, {2, close(outcome::unknown), 1}});
    ASSERT_FALSE(result);
    EXPECT_STREQ(result.message(),
        "no order of these explains what was observed:\n"
        "    [0, 1] actor 0: send 7 done\n"
        "    [1, ...] actor 2: close ?\n"
        "    [2, 3] actor 1: recv closed\n"
        "the longest attempt:\n"
        "    actor 0: send 7 done\n"
        "    actor 2: close ?\n");
}

} // namespace
} // namespace weft::test
