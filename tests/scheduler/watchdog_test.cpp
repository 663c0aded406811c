// SPDX-License-Identifier: BSL-1.0
#include "backend/policy.hpp"
#include "support/fibers_test.hpp"

#include <weft/backend/sys.hpp>

#include <atomic>
#include <vector>

#include <poll.h>
#include <unistd.h>

namespace weft {
namespace {

using namespace std::chrono_literals;

// The tests below wait for events that only a worker other than the stuck one can bring about; without the watchdog they hang.
using watchdog_ = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, watchdog_, test::all_worker_counts(), test::workers_name);

TEST_P(watchdog_, FibersGoOnWhileEveryWorkerIsStuck) {
    ::testing::internal::CaptureStderr();
    run([&] {
        std::atomic<bool> release{false};
        std::vector<fiber<void>> stuck;
        for (unsigned i = 0; i < GetParam(); ++i)
            stuck.push_back(go({.name = "hog"}, [&] {
                const int thread = sys::thread_id();
                const std::int64_t until = sys::thread_cpu_time(thread) +
                    std::chrono::nanoseconds(3 * scheduling::stuck_after).count();
                while (!release.load() || sys::thread_cpu_time(thread) < until) continue;
            }));
        std::vector<fiber<int>> others;
        for (int i = 0; i < 1000; ++i)
            others.push_back(go([i] {
                sleep(1ms);
                return i;
            }));
        int sum = 0;
        for (auto& f : others) sum += f.join();
        EXPECT_EQ(sum, 499500);
        release.store(true);
        for (auto& f : stuck) f.join();
    });
    const std::string report = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(report.find("has been stuck for"), std::string::npos) << report;
    EXPECT_NE(report.find("'hog' (spawned at "), std::string::npos) << report;
    EXPECT_EQ(report.find("'hog'"), report.rfind("'hog'")) << "once a place\n" << report;
}

TEST_P(watchdog_, WorkBehindASystemCallIsDoneByOthers) {
    ::testing::internal::CaptureStderr();
    run([&] {
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        std::vector<fiber<char>> stuck;
        for (unsigned i = 0; i < GetParam(); ++i)
            stuck.push_back(go([&] {
                char got = 0;
                EXPECT_EQ(::read(ends[0], &got, 1), 1);
                return got;
            }));
        auto writer = go([&] {
            for (unsigned i = 0; i < GetParam(); ++i) EXPECT_EQ(::write(ends[1], "x", 1), 1);
        });
        for (auto& f : stuck) EXPECT_EQ(f.join(), 'x');
        writer.join();
        ::close(ends[0]);
        ::close(ends[1]);
    });
    ::testing::internal::GetCapturedStderr();
}

// The fiber just woken waits in the run-next slot behind the one that woke it and keeps computing.
TEST_P(watchdog_, TheRunNextSlotOfABusyWorkerIsServed) {
    ::testing::internal::CaptureStderr();
    run([] {
        for (int i = 0; i < 20; ++i) {
            std::atomic<bool> woken{false};
            auto ended = go([] {});
            auto waits = go([&] {
                ended.join();
                woken.store(true);
            });
            auto hog = go([&] {
                while (!woken.load()) continue;
            });
            waits.join();
            hog.join();
        }
    });
    ::testing::internal::GetCapturedStderr();
}

} // namespace
} // namespace weft
