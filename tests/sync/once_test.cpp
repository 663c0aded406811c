// SPDX-License-Identifier: BSL-1.0
#include "sync/sync_test.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

namespace weft::test {
namespace {

using once = synchronised;
INSTANTIATE_TEST_SUITE_P(Settings, once, ::testing::ValuesIn(all_settings), name_of_setting);
using once_of_fibers = mixed;
INSTANTIATE_TEST_SUITE_P(Workers, once_of_fibers, all_worker_counts(), workers_name);

TEST_P(once, CallsOnceAndOthersSeeWhatItDid) {
    run([] {
        for (int round = 0; round < 50; ++round) {
            once_flag flag;
            int calls = 0;
            actors others;
            for (int i = 0; i < 8; ++i)
                others.start([&] {
                    call_once(flag, [&] {
                        yield();
                        ++calls;
                    });
                    EXPECT_EQ(calls, 1);
                });
            others.join();
        }
    });
}

TEST_P(once, PassesArguments) {
    run([] {
        once_flag flag;
        std::string text;
        call_once(
            flag, [&](const std::string& a, std::unique_ptr<int> b) { text = a + std::to_string(*b); }, "x",
            std::make_unique<int>(7));
        EXPECT_EQ(text, "x7");
    });
}

TEST_P(once, NextOneCallsAfterAnException) {
    run([] {
        once_flag flag;
        EXPECT_THROW(call_once(flag, [] { throw std::runtime_error("first"); }), std::runtime_error);
        bool called = false;
        call_once(flag, [&] { called = true; });
        EXPECT_TRUE(called);
        call_once(flag, [] { ADD_FAILURE() << "called again"; });
    });
}

TEST_P(once, WaitersTakeOverInTurnAfterAnException) {
    run([] {
        once_flag flag;
        lookout first;
        lookout second;
        std::atomic<bool> begun{false};
        std::atomic<bool> go_on{false};
        std::string order;
        actors others;
        others.start([&] {
            EXPECT_THROW(call_once(flag,
                             [&] {
                                 begun.store(true);
                                 wait_until([&] { return go_on.load(); });
                                 throw std::runtime_error("failed");
                             }),
                std::runtime_error);
        });
        const auto waiter = [&](lookout& seen, char name) {
            others.start([&, name] {
                seen.about_to_wait();
                call_once(flag, [&] { order += name; });
                EXPECT_EQ(order, "1");
            });
        };
        wait_until([&] { return begun.load(); });
        waiter(first, '1');
        first.until_it_waits();
        waiter(second, '2');
        second.until_it_waits();
        go_on.store(true);
    });
}

TEST_P(once, CallFromWithinThrows) {
    run([] {
        once_flag flag;
        int calls = 0;
        call_once(flag, [&] {
            ++calls;
            try {
                call_once(flag, [&] { ++calls; });
                ADD_FAILURE() << "called within itself";
            } catch (const std::system_error& error) {
                EXPECT_EQ(error.code(), std::errc::resource_deadlock_would_occur);
            }
        });
        EXPECT_EQ(calls, 1);
    });
}

TEST_P(once_of_fibers, CancelledWaiterLeavesItWhole) {
    run([] {
        once_flag flag;
        lookout waiting;
        std::atomic<bool> begun{false};
        std::atomic<bool> go_on{false};
        auto calling = go([&] {
            call_once(flag, [&] {
                begun.store(true);
                wait_until([&] { return go_on.load(); });
            });
        });
        wait_until([&] { return begun.load(); });
        auto leaving = go([&] {
            waiting.about_to_wait();
            call_once(flag, [] { ADD_FAILURE(); });
        });
        waiting.until_it_waits();
        leaving.cancel();
        EXPECT_THROW(leaving.join(), cancelled);
        go_on.store(true);
        calling.join();
        call_once(flag, [] { ADD_FAILURE(); });
    });
}

TEST_P(once_of_fibers, CancelledCallIsOneThatThrew) {
    run([] {
        once_flag flag;
        lookout calling;
        auto leaving = go([&] {
            call_once(flag, [&] {
                calling.about_to_wait();
                sleep(24h);
            });
        });
        calling.until_it_waits();
        leaving.cancel();
        EXPECT_THROW(leaving.join(), cancelled);
        bool called = false;
        call_once(flag, [&] { called = true; });
        EXPECT_TRUE(called);
    });
}

TEST_P(once_of_fibers, FailuresAndCancellationsRace) {
    run([] {
        for (int round = 0; round < 100; ++round) {
            once_flag flag;
            int succeeded = 0;
            std::atomic<int> tries{0};
            crew all(crew_of::both);
            for (int i = 0; i < 8; ++i)
                all.start([&] {
                    try {
                        call_once(flag, [&] {
                            if (tries.fetch_add(1) < 3) throw std::runtime_error("not yet");
                            ++succeeded;
                        });
                    } catch (const std::runtime_error&) {
                    } catch (const cancelled&) {}
                });
            all.cancel(static_cast<std::size_t>(round));
            all.join();
            EXPECT_LE(succeeded, 1);
            call_once(flag, [&] { ++succeeded; });
            EXPECT_EQ(succeeded, 1);
        }
    });
}

} // namespace
} // namespace weft::test
