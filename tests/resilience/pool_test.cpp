// SPDX-License-Identifier: BSL-1.0
#include "resilience/until_parked.hpp"

#include <weft/resilience/pool.hpp>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;

// Counts those that live; cannot be moved.
struct thing {
    static inline std::atomic<int> living{0};
    int number;
    std::atomic<int> users{0};
    explicit thing(int with_number) : number(with_number) { living.fetch_add(1); }
    ~thing() { living.fetch_sub(1); }
    thing(const thing&) = delete;
    thing& operator=(const thing&) = delete;
};

std::function<thing()> numbered() {
    return [next = std::make_shared<std::atomic<int>>(0)] { return thing(next->fetch_add(1)); };
}

class pools : public test::fibers {
protected:
    void TearDown() override {
        EXPECT_EQ(thing::living.load(), 0);
        fibers::TearDown();
    }
};
INSTANTIATE_TEST_SUITE_P(Workers, pools, test::all_worker_counts(), test::workers_name);

using lease = pool<thing>::lease;
static_assert(std::is_nothrow_move_constructible_v<lease> && !std::is_copy_constructible_v<lease>);

TEST(pool, NonsenseIsNamed) {
    const auto refusal = [](pool_options<int> options) {
        return test::complaint<std::invalid_argument>([&] { const pool<int> made(std::move(options)); });
    };
    const auto make = [] { return 1; };
    EXPECT_EQ(refusal({.max = 0, .make = make}), "pool: max is 0; there must be room for at least one");
    EXPECT_EQ(refusal({.max = 1, .make = {}}), "pool: make is empty");
    EXPECT_EQ(
        refusal({.max = 1, .make = make, .idle_timeout = -3ns}), "pool: idle_timeout is negative: -3 ns");
}

TEST_P(pools, UsesAgainWhatCameBackLast) {
    run([] {
        pool<thing> things{{.max = 3, .make = numbered()}};
        {
            lease first = things.acquire(), second = things.acquire();
            EXPECT_EQ(first->number, 0);
            EXPECT_EQ((*second).number, 1);
            EXPECT_EQ(things.stats().lent, 2U);
            second = lease();
            first = lease();
        }
        EXPECT_EQ(things.stats().idle, 2U);
        EXPECT_EQ(things.acquire()->number, 0);
        EXPECT_EQ(things.stats().made, 2U);
    });
}

TEST_P(pools, MovingALeaseLeavesTheThingWhereItIs) {
    run([] {
        pool<thing> things{{.max = 2, .make = numbered()}};
        lease from = things.acquire();
        const thing* where = &*from;
        lease to = std::move(from);
        EXPECT_EQ(&*to, where);
        EXPECT_TRUE(to);
        to = things.acquire();
        EXPECT_EQ(to->number, 1);
        EXPECT_EQ(things.stats().idle, 1U);
    });
}

TEST_P(pools, NoMoreThanThereMayBe) {
    run([] {
        pool<thing> things{{.max = 1, .make = numbered()}};
        std::optional<lease> only = things.try_acquire();
        ASSERT_TRUE(only);
        EXPECT_FALSE(things.try_acquire());
        EXPECT_FALSE(things.try_acquire_for(1us));
        EXPECT_FALSE(things.try_acquire_until(clock::now()));
        auto waiting = go([&] { return things.acquire()->number; });
        test::until_parked(waiting);
        only.reset();
        EXPECT_EQ(waiting.join(), 0);
        EXPECT_TRUE(things.try_acquire_for(24h));
    });
}

TEST_P(pools, FirstComeFirstServed) {
    run([] {
        pool<thing> things{{.max = 1, .make = numbered()}};
        std::optional<lease> only = things.acquire();
        std::vector<int> order; // guarded by the lease
        std::vector<fiber<void>> waiting;
        for (int i = 0; i < 5; ++i) {
            waiting.push_back(go([&, i] {
                const lease mine = things.acquire();
                order.push_back(i);
            }));
            test::until_parked(waiting.back());
        }
        only.reset();
        for (auto& each : waiting) each.join();
        EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
    });
}

TEST_P(pools, DiscardMakesRoom) {
    run([] {
        pool<thing> things{{.max = 1, .make = numbered()}};
        lease one = things.acquire();
        one.discard();
        EXPECT_FALSE(one);
        EXPECT_EQ(test::complaint<std::logic_error>([&] { one.discard(); }),
            "pool: discard of a lease that holds nothing");
        EXPECT_EQ(things.acquire()->number, 1);
        EXPECT_EQ(things.stats().discarded, 1U);
    });
}

TEST_P(pools, AMakeThatThrowsFreesThePlace) {
    run([] {
        bool works = false;
        pool<int> things{{.max = 1, .make = [&] { return works ? 1 : throw std::runtime_error("refused"); }}};
        EXPECT_THROW(things.acquire(), std::runtime_error);
        EXPECT_THROW(static_cast<void>(things.try_acquire()), std::runtime_error);
        works = true;
        EXPECT_EQ(*things.acquire(), 1);
    });
}

TEST_P(pools, WhatIsNotHealthyIsReplaced) {
    run([] {
        pool<thing> things{{.max = 3, .make = numbered(), .healthy = [](const thing& of) {
                                if (of.number == 0) throw std::runtime_error("no answer");
                                if (of.number == 1) with_timeout(0ns, [] { sleep(24h); });
                                return of.number != 2;
                            }}};
        { const lease a = things.acquire(), b = things.acquire(), c = things.acquire(); }
        EXPECT_EQ(things.acquire()->number, 3);
        EXPECT_EQ(things.acquire()->number, 3);
        EXPECT_EQ(things.stats().discarded, 3U);
        EXPECT_EQ(things.stats().idle, 1U);
    });
}

TEST_P(pools, ACancelledCheckIsNoAnswer) {
    run([] {
        pool<thing> things{{.max = 2, .make = numbered(), .healthy = [](const thing&) {
                                sleep(24h);
                                return true;
                            }}};
        { const lease a = things.acquire(), b = things.acquire(); }
        EXPECT_THROW(with_timeout(1ms, [&] { things.acquire(); }), timed_out);
        EXPECT_EQ(things.stats().discarded, 1U); // and not the other one
        auto checking = go([&] { things.acquire(); });
        test::until_parked(checking);
        checking.cancel();
        EXPECT_THROW(checking.join(), cancelled);
        EXPECT_EQ(things.stats().idle, 0U);
        EXPECT_EQ(things.stats().lent, 0U);
        const lease c = things.acquire(), d = things.acquire(); // the places are free
    });
}

TEST_P(pools, WhatIsIdleForTooLongIsDestroyed) {
    run([] {
        pool<thing> things{{.max = 2, .make = numbered(), .idle_timeout = 0ns}};
        static_cast<void>(things.acquire());
        EXPECT_EQ(things.stats().idle, 1U);
        things.prune();
        EXPECT_EQ(things.stats().idle, 0U);
        static_cast<void>(things.acquire());
        EXPECT_EQ(things.acquire()->number, 2);
        EXPECT_EQ(things.stats().discarded, 2U);
        pool<thing> patient{{.max = 1, .make = numbered(), .idle_timeout = 24h}};
        static_cast<void>(patient.acquire());
        patient.prune();
        EXPECT_EQ(patient.stats().idle, 1U);
    });
}

TEST_P(pools, LeasesOutliveThePool) {
    run([] {
        std::optional<pool<thing>> things;
        things.emplace(pool_options<thing>{.max = 2, .make = numbered()});
        lease one = things->acquire();
        static_cast<void>(things->acquire());
        things.reset();
        EXPECT_EQ(thing::living.load(), 1);
        EXPECT_EQ(one->number, 0);
    });
}

TEST_P(pools, WhoIsCancelledTakesNothing) {
    run([] {
        pool<thing> things{{.max = 1, .make = numbered()}};
        std::optional<lease> only = things.acquire();
        auto waiting = go([&] { things.acquire(); });
        test::until_parked(waiting);
        EXPECT_THROW(with_timeout(1ms, [&] { things.acquire(); }), timed_out);
        waiting.cancel();
        EXPECT_THROW(waiting.join(), cancelled);
        only.reset();
        EXPECT_TRUE(things.try_acquire());
    });
}

TEST(pool, ManyFibersAndThreads) {
    {
        std::atomic<std::uint64_t> made{0};
        pool<thing> things{{.max = 3,
            .make = [&] { return thing(static_cast<int>(made.fetch_add(1))); },
            .healthy = [](const thing& of) { return of.number % 5 != 4; }}};
        std::atomic<int> wrong{0};
        const auto work = [&] {
            for (int i = 0; i < 300; ++i) {
                std::optional<lease> mine;
                if (i % 7 == 0) {
                    try {
                        with_timeout(20us, [&] { mine = things.acquire(); });
                    } catch (const timed_out&) {}
                } else if (i % 5 == 0) {
                    mine = things.try_acquire_for(20us);
                } else {
                    mine = things.acquire();
                }
                if (!mine) continue;
                if ((*mine)->users.fetch_add(1) != 0 || thing::living.load() > 3) wrong.fetch_add(1);
                if (i % 3 == 0) yield();
                (*mine)->users.fetch_sub(1);
                if (i % 11 == 0) mine->discard();
            }
        };
        std::vector<std::thread> threads;
        for (int i = 0; i < 3; ++i) threads.emplace_back(work);
        weft::run(
            [&] {
                task_group group;
                for (int i = 0; i < 8; ++i) group.go(work);
                group.wait();
            },
            {.workers = 4});
        for (auto& each : threads) each.join();
        EXPECT_EQ(wrong.load(), 0);
        const pool_stats stats = things.stats();
        EXPECT_EQ(stats.lent, 0U);
        EXPECT_EQ(stats.made, made.load());
        EXPECT_EQ(stats.made - stats.discarded, stats.idle);
        EXPECT_EQ(thing::living.load(), static_cast<int>(stats.idle));
    }
    EXPECT_EQ(thing::living.load(), 0);
}

} // namespace
} // namespace weft
