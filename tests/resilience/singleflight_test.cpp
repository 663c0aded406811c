// SPDX-License-Identifier: BSL-1.0
#include "resilience/until_parked.hpp"

#include <weft/resilience/singleflight.hpp>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;

using flights = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, flights, test::all_worker_counts(), test::workers_name);

// A call of key 1 that is under way until release is closed.
template <class V>
struct leader {
    singleflight<int, V>& of;
    channel<unit> begun{0};
    channel<unit> release{0};
    fiber<V> call;
    template <class Ending>
    leader(singleflight<int, V>& flight, Ending ending) : of(flight) {
        call = go([this, ending] {
            return of.run(1, [&]() -> V {
                begun.close();
                release.recv();
                return ending();
            });
        });
        begun.recv();
    }
};

int must_not_run() {
    ADD_FAILURE() << "a second one has run";
    return 0;
}

TEST_P(flights, OneRunsAndAllShare) {
    run([] {
        singleflight<int, int> flight;
        leader<int> first(flight, [] { return 42; });
        std::vector<fiber<int>> others;
        for (int i = 0; i < 5; ++i) {
            others.push_back(go([&] { return flight.run(1, must_not_run); }));
            test::until_parked(others.back());
        }
        EXPECT_EQ(flight.run(2, [] { return 2; }), 2); // another key waits for nobody
        first.release.close();
        EXPECT_EQ(first.call.join(), 42);
        for (auto& each : others) EXPECT_EQ(each.join(), 42);
        EXPECT_EQ(flight.run(1, [] { return 43; }), 43); // nothing is kept
    });
}

TEST_P(flights, AllShareAnException) {
    run([] {
        singleflight<int, void> flight;
        leader<void> first(flight, [] { throw std::runtime_error("no"); });
        auto other = go([&] { flight.run(1, [] { must_not_run(); }); });
        test::until_parked(other);
        first.release.close();
        EXPECT_THROW(first.call.join(), std::runtime_error);
        EXPECT_THROW(other.join(), std::runtime_error);
    });
}

TEST_P(flights, ATimeoutIsAResult) {
    run([] {
        singleflight<int, int> flight;
        leader<int> first(flight, []() -> int { throw timed_out(); });
        auto other = go([&] { return flight.run(1, must_not_run); });
        test::until_parked(other);
        first.release.close();
        EXPECT_THROW(first.call.join(), timed_out);
        EXPECT_THROW(other.join(), timed_out);
    });
}

TEST_P(flights, WhenTheLeaderIsCancelledAnotherLeads) {
    run([] {
        singleflight<int, std::string> flight;
        leader<std::string> first(flight, [] { return std::string("first"); });
        std::atomic<int> led{0};
        std::vector<fiber<std::string>> others;
        for (int i = 0; i < 4; ++i) {
            others.push_back(go([&] {
                return flight.run(1, [&] {
                    led.fetch_add(1);
                    return std::string("another");
                });
            }));
            test::until_parked(others.back());
        }
        first.call.cancel();
        EXPECT_THROW(first.call.join(), cancelled);
        for (auto& each : others) EXPECT_EQ(each.join(), "another");
        EXPECT_EQ(led.load(), 1);
    });
}

TEST_P(flights, AWaiterThatIsCancelledJustLeaves) {
    run([] {
        singleflight<int, int> flight;
        leader<int> first(flight, [] { return 1; });
        auto leaves = go([&] { return flight.run(1, must_not_run); });
        test::until_parked(leaves);
        auto stays = go([&] { return flight.run(1, must_not_run); });
        test::until_parked(stays);
        leaves.cancel();
        EXPECT_THROW(leaves.join(), cancelled);
        EXPECT_THROW(with_timeout(1ms, [&] { flight.run(1, must_not_run); }), timed_out);
        first.release.close();
        EXPECT_EQ(first.call.join(), 1);
        EXPECT_EQ(stays.join(), 1);
    });
}

TEST_P(flights, WhenAllAreCancelledNothingIsLeft) {
    run([] {
        singleflight<int, int> flight;
        leader<int> first(flight, [] { return 1; });
        auto other = go([&] { return flight.run(1, must_not_run); });
        test::until_parked(other);
        other.cancel();
        first.call.cancel();
        EXPECT_THROW(other.join(), cancelled);
        EXPECT_THROW(first.call.join(), cancelled);
        EXPECT_EQ(flight.run(1, [] { return 2; }), 2);
    });
}

TEST_P(flights, ForgetBeginsAnew) {
    run([] {
        singleflight<int, int> flight;
        leader<int> first(flight, [] { return 1; });
        auto shares = go([&] { return flight.run(1, must_not_run); });
        test::until_parked(shares);
        flight.forget(1);
        flight.forget(7);
        leader<int> second(flight, [] { return 2; });
        auto shares_second = go([&] { return flight.run(1, must_not_run); });
        test::until_parked(shares_second);
        first.release.close();
        EXPECT_EQ(first.call.join(), 1);
        EXPECT_EQ(shares.join(), 1);
        second.release.close();
        EXPECT_EQ(second.call.join(), 2);
        EXPECT_EQ(shares_second.join(), 2);
    });
}

TEST_P(flights, AForgottenFlightStillChangesItsLeader) {
    run([] {
        singleflight<int, int> flight;
        leader<int> first(flight, [] { return 1; });
        auto other = go([&] { return flight.run(1, [] { return 5; }); });
        test::until_parked(other);
        flight.forget(1);
        first.call.cancel();
        EXPECT_THROW(first.call.join(), cancelled);
        EXPECT_EQ(other.join(), 5);
    });
}

TEST_P(flights, RecursionIsRefused) {
    run([] {
        singleflight<std::string, int> flight;
        const int result = flight.run("a", [&] {
            EXPECT_EQ(test::complaint<std::logic_error>([&] { flight.run("a", must_not_run); }),
                "singleflight: run from within a run of the same key, which would wait for itself");
            return flight.run("b", [] { return 3; });
        });
        EXPECT_EQ(result, 3);
    });
}

TEST(singleflight, ManyFibersAndThreads) {
    singleflight<int, int> flight;
    constexpr int keys = 3;
    std::atomic<int> running[keys]{};
    std::atomic<int> wrong{0}, ran{0}, shared{0}, left{0};
    const auto work = [&] {
        for (int i = 0; i < 400; ++i) {
            const int key = i % keys;
            bool mine = false;
            const auto f = [&] {
                mine = true;
                if (running[key].fetch_add(1) != 0) wrong.fetch_add(1);
                struct at_end {
                    std::atomic<int>& count;
                    ~at_end() { count.fetch_sub(1); }
                } end{running[key]};
                if (i % 4 == 0) sleep(10us);
                if (i % 9 == 0) throw cancelled();
                ran.fetch_add(1);
                return key * 10;
            };
            try {
                const int result =
                    i % 5 == 0 ? with_timeout(1h, [&] { return flight.run(key, f); }) : flight.run(key, f);
                if (result != key * 10) wrong.fetch_add(1);
                if (!mine) shared.fetch_add(1);
            } catch (const cancelled&) {
                if (!mine) wrong.fetch_add(1);
                left.fetch_add(1);
            }
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
    EXPECT_EQ(ran.load() + shared.load() + left.load(), 11 * 400);
}

} // namespace
} // namespace weft
