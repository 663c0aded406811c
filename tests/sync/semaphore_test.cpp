// SPDX-License-Identifier: BSL-1.0
#include "sync/sync_test.hpp"

#include <weft/select.hpp>

#include <deque>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weft::test {
namespace {

using semaphore = synchronised;
INSTANTIATE_TEST_SUITE_P(Settings, semaphore, ::testing::ValuesIn(all_settings), name_of_setting);
using semaphore_of_fibers = mixed;
INSTANTIATE_TEST_SUITE_P(Workers, semaphore_of_fibers, all_worker_counts(), workers_name);

TEST_P(semaphore, GivesAsManyAsThereAre) {
    run([] {
        counting_semaphore three(3);
        three.acquire(2);
        EXPECT_FALSE(three.try_acquire(2));
        EXPECT_TRUE(three.try_acquire());
        EXPECT_FALSE(three.try_acquire());
        EXPECT_TRUE(three.try_acquire(0));
        three.release(2);
        EXPECT_TRUE(
            three.try_acquire_until(clock::time_point::min(), 2)); // there are, so the deadline is nothing
        EXPECT_FALSE(three.try_acquire_for(-1s));
        EXPECT_FALSE(three.try_acquire_for(1ms));
        EXPECT_FALSE(three.try_acquire_until(std::chrono::steady_clock::now() + 1ms, 3));
    });
}

TEST_P(semaphore, FirstComeFirstServed) {
    run([] {
        counting_semaphore turns(0);
        counting_semaphore served(0);
        std::vector<int> order;
        std::deque<lookout> waiting(10);
        actors others;
        for (int i = 0; i < 10; ++i) {
            others.start([&, i] {
                waiting[static_cast<std::size_t>(i)].about_to_wait();
                turns.acquire();
                order.push_back(i);
                served.release();
            });
            waiting[static_cast<std::size_t>(i)].until_it_waits();
        }
        for (int i = 0; i < 10; ++i) {
            turns.release();
            served.acquire();
        }
        EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
    });
}

TEST_P(semaphore, BigWaiterKeepsSmallOnesBehindIt) {
    run([] {
        counting_semaphore permits(1);
        lookout big;
        lookout small;
        actors others;
        others.start([&] {
            big.about_to_wait();
            permits.acquire(3);
        });
        big.until_it_waits();
        EXPECT_FALSE(permits.try_acquire()); // there is one, but somebody waits
        EXPECT_FALSE(permits.try_acquire_for(1ms));
        others.start([&] {
            small.about_to_wait();
            permits.acquire();
        });
        small.until_it_waits();
        permits.release(1);
        EXPECT_TRUE(big.waits());
        EXPECT_TRUE(small.waits());
        permits.release(2);
        others.join();
        EXPECT_FALSE(permits.try_acquire());
    });
}

TEST_P(semaphore, BigWaiterThatGivesUpLetsSmallOnesGo) {
    run([] {
        counting_semaphore permits(1);
        lookout big;
        lookout small;
        actors others;
        const auto deadline = clock::now() + 20ms;
        others.start([&] {
            big.about_to_wait();
            EXPECT_FALSE(permits.try_acquire_until(deadline, 2));
        });
        others.start([&] {
            wait_until([&] { return big.waits() || clock::now() > deadline; });
            small.about_to_wait();
            permits.acquire();
        });
        others.join();
        EXPECT_FALSE(permits.try_acquire());
    });
}

TEST_P(semaphore, OverflowThrowsWithTheNumbers) {
    run([] {
        counting_semaphore full(counting_semaphore::max() - 1);
        full.release();
        const std::string text = message_of<std::logic_error>([&] { full.release(2); });
        EXPECT_TRUE(contains(text, "release(2)"));
        EXPECT_TRUE(contains(text, std::to_string(counting_semaphore::max())));
        EXPECT_TRUE(full.try_acquire(counting_semaphore::max())); // as it was
        EXPECT_FALSE(full.try_acquire());
    });
}

TEST_P(semaphore, PermitGivesBackWhatItHolds) {
    run([] {
        counting_semaphore two(2);
        {
            permit all(two, 2);
            EXPECT_EQ(all.count(), 2U);
            EXPECT_FALSE(two.try_acquire());
            permit moved = std::move(all);
            EXPECT_FALSE(all);
            EXPECT_EQ(all.count(), 0U);
            EXPECT_TRUE(moved);
            all.release(); // holds none
            EXPECT_FALSE(two.try_acquire());
            moved.release();
            EXPECT_FALSE(moved);
            permit first(two);
            permit second(two);
            first = std::move(second); // gives the first one's back
            EXPECT_TRUE(two.try_acquire());
            EXPECT_FALSE(two.try_acquire());
            two.release();
        }
        EXPECT_TRUE(two.try_acquire(2));
        { const permit adopted(two, std::adopt_lock, 2); }
        EXPECT_TRUE(two.try_acquire(2));
        EXPECT_FALSE(permit());
    });
}

TEST_P(semaphore, SelectAcquiresAtOnce) {
    run([] {
        counting_semaphore two(2);
        const auto got = select(on_acquire(two, 2,
                                    [&](permit p) {
                                        EXPECT_FALSE(two.try_acquire());
                                        return p.count();
                                    }),
            otherwise([] { return std::size_t{0}; }));
        EXPECT_EQ(got, 2U);
        EXPECT_TRUE(two.try_acquire(2)); // the permit is gone with its handler
        EXPECT_TRUE(select(on_acquire(two, [](permit) { return false; }), otherwise([] { return true; })));
    });
}

TEST_P(semaphore, SelectWaitsInTurn) {
    run([] {
        counting_semaphore none(0);
        lookout selecting;
        actors others;
        others.start([&] {
            selecting.about_to_wait();
            select(on_acquire(none, 2, [&](permit p) { EXPECT_EQ(p.count(), 2U); }));
        });
        selecting.until_it_waits();
        none.release();
        EXPECT_FALSE(none.try_acquire());
        EXPECT_TRUE(selecting.waits());
        none.release();
        others.join();
        EXPECT_TRUE(none.try_acquire(2));
    });
}

// The case that leaves the queue stood before small waiters that can be served now.
TEST_P(semaphore, SelectThatTakesAnotherCaseLetsThoseBehindGo) {
    run([] {
        counting_semaphore permits(1);
        counting_semaphore other_case(0);
        lookout selecting;
        lookout small;
        actors others;
        others.start([&] {
            selecting.about_to_wait();
            select(
                on_acquire(permits, 2, [](permit) { ADD_FAILURE(); }), on_acquire(other_case, [](permit) {}));
        });
        selecting.until_it_waits();
        others.start([&] {
            small.about_to_wait();
            permits.acquire();
        });
        small.until_it_waits();
        other_case.release();
        others.join();
        EXPECT_FALSE(permits.try_acquire());
        EXPECT_TRUE(other_case.try_acquire());
    });
}

TEST_P(semaphore, SelectGivesUpAtItsTimeout) {
    run([] {
        counting_semaphore none(0);
        EXPECT_TRUE(
            select(on_acquire(none, [](permit) { return false; }), on_timeout(1ms, [] { return true; })));
        none.release();
        EXPECT_TRUE(none.try_acquire()); // nobody is left in the queue
    });
}

TEST_P(semaphore_of_fibers, CancelledWaiterTakesNothing) {
    run([] {
        counting_semaphore permits(1);
        lookout big;
        lookout small;
        auto leaving = go([&] {
            big.about_to_wait();
            permits.acquire(2);
        });
        big.until_it_waits();
        auto staying = go([&] {
            small.about_to_wait();
            permits.acquire();
        });
        small.until_it_waits();
        leaving.cancel();
        EXPECT_THROW(leaving.join(), cancelled);
        staying.join();

        permits.release();
        auto too_late = go([&] {
            until_cancelled();
            EXPECT_THROW(permits.acquire(), cancelled); // though there is one
        });
        too_late.cancel();
        too_late.join();
        EXPECT_TRUE(permits.try_acquire());

        lookout selecting;
        auto in_select = go([&] {
            selecting.about_to_wait();
            select(on_acquire(permits, [](permit) {}));
        });
        selecting.until_it_waits();
        in_select.cancel();
        EXPECT_THROW(in_select.join(), cancelled);
        permits.release();
        EXPECT_TRUE(permits.try_acquire());
    });
}

// What was let through plus what gave up is what tried, and no permit is lost.
TEST_P(semaphore_of_fibers, WaysToLeaveRace) {
    run([] {
        counting_semaphore permits(3);
        std::atomic<int> held{0};
        crew all(crew_of::both);
        for (int i = 0; i < 12; ++i)
            all.start([&, i] {
                const auto n = static_cast<std::size_t>(1 + i % 3);
                const auto use = [&](permit p) {
                    const int mine = static_cast<int>(p.count());
                    EXPECT_LE(held.fetch_add(mine) + mine, 3);
                    if (i % 4 == 0) std::this_thread::yield();
                    held.fetch_sub(mine);
                    if (i % 3 == 0) yield(); // may throw `cancelled`
                };
                try {
                    for (int k = 0; k < 200; ++k) {
                        const auto patience = std::chrono::microseconds((i * 31 + k * 7) % 40);
                        switch ((i + k) % 4) {
                        case 0: use(permit(permits, n)); break;
                        case 1:
                            if (permits.try_acquire_for(patience, n))
                                use(permit(permits, std::adopt_lock, n));
                            break;
                        case 2: select(on_acquire(permits, n, use), on_timeout(patience, [] {})); break;
                        case 3:
                            if (permits.try_acquire(n)) use(permit(permits, std::adopt_lock, n));
                            break;
                        }
                    }
                } catch (const cancelled&) {}
            });
        for (std::size_t i = 0; i < 3; ++i) {
            sleep(200us);
            all.cancel(i);
        }
        all.join();
        EXPECT_TRUE(permits.try_acquire(3));
        EXPECT_FALSE(permits.try_acquire());
    });
}

TEST_P(semaphore_of_fibers, ReleaseHappensBeforeAcquire) {
    run([] {
        counting_semaphore ping(0);
        counting_semaphore pong(0);
        long long turns = 0;
        constexpr int rounds = 5000;
        crew both(crew_of::both);
        for (int side = 0; side < 2; ++side)
            both.start([&, side] {
                for (int k = 0; k < rounds; ++k) {
                    (side == 0 ? ping : pong).acquire();
                    ++turns;
                    (side == 0 ? pong : ping).release();
                }
            });
        ping.release();
        both.join();
        EXPECT_EQ(turns, 2 * rounds);
    });
}

} // namespace
} // namespace weft::test
