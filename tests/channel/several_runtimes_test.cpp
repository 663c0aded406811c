// SPDX-License-Identifier: BSL-1.0
#include "support/actors.hpp"

#include <weft/sync.hpp>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

// Fibers of two runtimes and plain threads, through the same channels and locks.
namespace weft {
namespace {

using namespace std::chrono_literals;

class SeveralRuntimes : public test::leaves_no_fiber {
protected:
    // Both bodies as main fibers, the third one on a plain thread, at the same time.
    template <class First, class Second, class Third>
    void together(First first, Second second, Third third) {
        std::thread one([&] { weft::run(first, {.workers = 2}); });
        std::thread two([&] { weft::run(second, {.workers = 3}); });
        third();
        one.join();
        two.join();
    }
};

TEST_F(SeveralRuntimes, PassValuesRound) {
    for (const std::size_t capacity : {0U, 1U, 3U}) {
        const channel<int> a(capacity), b(capacity), c(capacity);
        constexpr int rounds = 500;
        const auto pass = [](const channel<int>& from, const channel<int>& to) {
            for (const int value : from) to.send(value + 1);
            to.close();
        };
        together([&] { pass(a, b); }, [&] { pass(b, c); },
            [&] {
                for (int i = 0; i < rounds; ++i) {
                    a.send(i);
                    EXPECT_EQ(c.recv(), i + 2);
                }
                a.close();
                EXPECT_EQ(c.recv(), std::nullopt);
            });
    }
}

TEST_F(SeveralRuntimes, MeetInASelect) {
    const channel<int> up(0), down(0);
    std::atomic<int> sent{0}, received{0};
    const auto meet = [&] {
        test::actors all;
        for (int i = 0; i < 3; ++i)
            all.start([&] {
                for (int n = 0; n < 300; ++n)
                    select(on_send(up, 1, [&] { ++sent; }), on_recv(up, [&](auto) { ++received; }),
                        on_send(down, 1, [&] { ++sent; }), on_recv(down, [&](auto) { ++received; }),
                        on_timeout(1ms, [] {}));
            });
    };
    together(meet, meet, meet);
    EXPECT_EQ(sent, received);
    EXPECT_GT(sent, 100);
}

TEST_F(SeveralRuntimes, ExcludeEachOther) {
    mutex lock;
    counting_semaphore places(2);
    int counted = 0;
    std::atomic<int> inside{0};
    const auto count = [&] {
        test::actors all;
        for (int i = 0; i < 4; ++i)
            all.start([&] {
                for (int n = 0; n < 500; ++n) {
                    const permit place(places);
                    EXPECT_LE(++inside, 2);
                    {
                        const std::scoped_lock guard(lock);
                        ++counted;
                    }
                    --inside;
                }
            });
    };
    together(count, count, count);
    EXPECT_EQ(counted, 3 * 4 * 500);
}

TEST_F(SeveralRuntimes, TimersOfOneWakeTheOther) {
    const channel<receiver<tick>> ticks(1);
    const channel<unit> done(0);
    together(
        [&] {
            ticks.send(after(1ms));
            done.recv(); // a timer fires while its runtime lives
        },
        [&] {
            EXPECT_TRUE(ticks.recv()->recv());
            done.send({});
        },
        [] {});
}

} // namespace
} // namespace weft
