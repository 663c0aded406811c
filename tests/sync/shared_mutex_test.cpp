// SPDX-License-Identifier: BSL-1.0
#include "sync/sync_test.hpp"

#include <deque>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <system_error>

namespace weft::test {
namespace {

using shared_mutex_ = synchronised;
INSTANTIATE_TEST_SUITE_P(Settings, shared_mutex_, ::testing::ValuesIn(all_settings), name_of_setting);
using shared_mutex_of_fibers = mixed;
INSTANTIATE_TEST_SUITE_P(Workers, shared_mutex_of_fibers, all_worker_counts(), workers_name);

TEST_P(shared_mutex_, ReadersTogetherWriterAlone) {
    run([] {
        shared_mutex one;
        one.lock_shared();
        EXPECT_TRUE(one.try_lock_shared());
        EXPECT_FALSE(one.try_lock());
        one.unlock_shared();
        EXPECT_FALSE(one.try_lock());
        one.unlock_shared();
        EXPECT_TRUE(one.try_lock());
        EXPECT_FALSE(one.try_lock());
        EXPECT_FALSE(one.try_lock_shared());
        one.unlock();
        const std::shared_lock reading(one);
        const std::shared_lock also_reading(one, 1h);
        EXPECT_TRUE(also_reading.owns_lock());
    });
}

TEST_P(shared_mutex_, LockingWhatOneHoldsToWriteThrows) {
    run([] {
        shared_mutex one;
        const std::unique_lock guard(one);
        const auto throws = [](auto call) {
            try {
                call();
                ADD_FAILURE() << "locked twice";
            } catch (const std::system_error& error) {
                EXPECT_EQ(error.code(), std::errc::resource_deadlock_would_occur);
            }
        };
        throws([&] { one.lock(); });
        throws([&] { one.lock_shared(); });
        throws([&] { static_cast<void>(one.try_lock_for(1h)); });
        throws([&] { static_cast<void>(one.try_lock_shared_for(1h)); });
    });
}

TEST_P(shared_mutex_, UnlockOfWhatOneDoesNotHoldThrows) {
    run([] {
        shared_mutex one;
        EXPECT_TRUE(contains(message_of<std::logic_error>([&] { one.unlock(); }), "nobody holds it"));
        EXPECT_THROW(one.unlock_shared(), std::logic_error);
        {
            const std::shared_lock reading(one);
            EXPECT_THROW(one.unlock(), std::logic_error);
        }
        one.lock();
        EXPECT_THROW(one.unlock_shared(), std::logic_error);
        actors others;
        others.start([&] { EXPECT_THROW(one.unlock(), std::logic_error); });
        others.join();
        EXPECT_FALSE(one.try_lock_shared()); // all as it was
        one.unlock();
        EXPECT_TRUE(one.try_lock());
        one.unlock();
    });
}

TEST_P(shared_mutex_, WaitingWriterStopsNewReaders) {
    run([] {
        shared_mutex one;
        one.lock_shared();
        lookout writer;
        lookout reader;
        std::string order;
        actors others;
        others.start([&] {
            writer.about_to_wait();
            const std::lock_guard guard(one);
            order += 'w';
        });
        writer.until_it_waits();
        EXPECT_FALSE(one.try_lock_shared());
        EXPECT_FALSE(one.try_lock_shared_for(1ms));
        others.start([&] {
            reader.about_to_wait();
            const std::shared_lock guard(one);
            order += 'r';
        });
        reader.until_it_waits();
        one.unlock_shared();
        others.join();
        EXPECT_EQ(order, "wr");
    });
}

TEST_P(shared_mutex_, ReadersThatWaitedGoBeforeTheNextWriter) {
    run([] {
        shared_mutex one;
        one.lock();
        std::string order;
        mutex order_lock;
        const auto note = [&](char what) {
            const std::lock_guard guard(order_lock);
            order += what;
        };
        std::deque<lookout> waiting(4);
        actors others;
        for (std::size_t i = 0; i < 4; ++i) {
            others.start([&, i] {
                waiting[i].about_to_wait();
                if (i % 2 == 0) {
                    const std::lock_guard guard(one);
                    note('w');
                } else {
                    const std::shared_lock guard(one);
                    note('r');
                }
            });
            waiting[i].until_it_waits();
        }
        one.unlock();
        others.join();
        EXPECT_EQ(order, "rrww");
    });
}

// Readers that overlap for ever, and a writer that nevertheless gets in; and the other way round.
TEST_P(shared_mutex_, NeitherSideStarves) {
    run([] {
        shared_mutex one;
        std::atomic<bool> written{false};
        std::atomic<int> read{0};
        actors others;
        for (int i = 0; i < 3; ++i)
            others.start([&] {
                do {
                    const std::shared_lock guard(one);
                    yield();
                } while (!written.load());
            });
        others.start([&] {
            const std::lock_guard guard(one);
            written.store(true);
        });
        others.join();
        for (int i = 0; i < 3; ++i)
            others.start([&] {
                do {
                    const std::lock_guard guard(one);
                    yield();
                } while (read.load() == 0);
            });
        others.start([&] {
            const std::shared_lock guard(one);
            read.store(1);
        });
    });
}

TEST_P(shared_mutex_, DeadlinePasses) {
    run([] {
        shared_mutex one;
        one.lock();
        actors others;
        others.start([&] {
            EXPECT_FALSE(one.try_lock_for(1ms));
            EXPECT_FALSE(one.try_lock_shared_for(1ms));
            EXPECT_FALSE(one.try_lock_until(std::chrono::steady_clock::now() + 1ms));
            EXPECT_FALSE(one.try_lock_shared_until(clock::time_point::min()));
        });
        others.join();
        one.unlock();
        EXPECT_TRUE(one.try_lock_until(clock::time_point::min()));
        one.unlock();
        EXPECT_TRUE(one.try_lock_shared_for(-1s));
        one.unlock_shared();
    });
}

// Readers wait behind a writer; it gives up, and they are not left behind.
TEST_P(shared_mutex_, WriterThatGivesUpLetsReadersIn) {
    run([] {
        shared_mutex one;
        one.lock_shared();
        lookout writer;
        actors others;
        const auto deadline = clock::now() + 20ms;
        others.start([&] {
            writer.about_to_wait();
            EXPECT_FALSE(one.try_lock_until(deadline));
        });
        others.start([&] {
            wait_until([&] { return writer.waits() || clock::now() > deadline; });
            const std::shared_lock guard(one);
        });
        others.join();
        one.unlock_shared();
        EXPECT_TRUE(one.try_lock());
        one.unlock();
    });
}

TEST_P(shared_mutex_of_fibers, LockIsNoCancellationPointButTheTimedFormsAre) {
    run([] {
        shared_mutex one;
        one.lock_shared();
        lookout writer;
        lookout reader;
        lookout timed;
        auto writing = go([&] {
            writer.about_to_wait();
            const std::lock_guard guard(one);
        });
        writer.until_it_waits();
        auto reading = go([&] {
            reader.about_to_wait();
            const std::shared_lock guard(one);
        });
        reader.until_it_waits();
        auto leaving = go([&] {
            timed.about_to_wait();
            static_cast<void>(one.try_lock_shared_for(24h));
        });
        timed.until_it_waits();
        writing.cancel();
        reading.cancel();
        leaving.cancel();
        EXPECT_THROW(leaving.join(), cancelled);
        EXPECT_TRUE(writer.waits());
        EXPECT_TRUE(reader.waits());
        one.unlock_shared();
        writing.join();
        reading.join();
        EXPECT_TRUE(one.try_lock());
        one.unlock();
    });
}

TEST_P(shared_mutex_of_fibers, CancelledWriterLetsReadersIn) {
    run([] {
        shared_mutex one;
        one.lock_shared();
        lookout writer;
        lookout reader;
        auto leaving = go([&] {
            writer.about_to_wait();
            static_cast<void>(one.try_lock_for(24h));
        });
        writer.until_it_waits();
        auto reading = go([&] {
            reader.about_to_wait();
            const std::shared_lock guard(one);
        });
        reader.until_it_waits();
        leaving.cancel();
        EXPECT_THROW(leaving.join(), cancelled);
        reading.join(); // while it is still held to read
        one.unlock_shared();
    });
}

TEST_P(shared_mutex_of_fibers, ReadersSeeWholeWrites) {
    run([] {
        shared_mutex one;
        int left = 0;
        int right = 0;
        crew all(crew_of::both);
        for (int i = 0; i < 10; ++i)
            all.start([&, i] {
                for (int k = 0; k < 400; ++k) {
                    if ((i + k) % 5 == 0) {
                        const std::unique_lock guard(one, std::chrono::microseconds(k % 50));
                        if (!guard.owns_lock()) continue;
                        ++left;
                        if (k % 20 == 0) yield();
                        ++right;
                    } else {
                        const std::shared_lock guard(one);
                        EXPECT_EQ(left, right);
                    }
                }
            });
        all.join();
        EXPECT_EQ(left, right);
        EXPECT_TRUE(one.try_lock());
        one.unlock();
    });
}

} // namespace
} // namespace weft::test
