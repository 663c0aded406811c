// SPDX-License-Identifier: BSL-1.0
#include "poller/epoll.hpp"

#include <weft/backend/sys.hpp>
#include <weft/waiting/park.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

// The contract of a poller, for whatever backend there is.
namespace weft::net {
namespace {

struct backend {
    const char* name;
    make_poller make;
};

class recorder final : public poll_target {
public:
    void ready(std::uint32_t generation, poll_events events, ready_list&) noexcept override {
        ++calls;
        last_generation = generation;
        seen.readable |= events.readable;
        seen.writable |= events.writable;
        seen.hung_up |= events.hung_up;
    }
    void forget() {
        calls = 0;
        seen = {};
    }
    int calls = 0;
    std::uint32_t last_generation = 0;
    poll_events seen;
};

class Poller : public ::testing::TestWithParam<backend> {
protected:
    ~Poller() override {
        for (const int fd : fds_) ::close(fd);
    }
    std::array<int, 2> stream_pair() {
        std::array<int, 2> ends;
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
        fds_.insert(fds_.end(), ends.begin(), ends.end());
        return ends;
    }
    // What is there now, without waiting.
    void poll() { tested->wait(clock::time_point::min(), batch); }

    std::shared_ptr<poller> tested = GetParam().make();
    std::array<std::byte, 8> nowhere{};
    ready_list batch{reinterpret_cast<scheduler&>(nowhere)}; // none of these targets puts anything into it

private:
    std::vector<int> fds_;
};

INSTANTIATE_TEST_SUITE_P(Backends, Poller, ::testing::Values(backend{"epoll", &make_epoll_poller}),
    [](const auto& of) { return std::string(of.param.name); });

TEST_P(Poller, ReportsEachEdgeOnce) {
    const auto [near, far] = stream_pair();
    recorder target;
    ASSERT_EQ(tested->add(near, target, 5), 0);
    poll();
    EXPECT_TRUE(target.seen.writable);
    EXPECT_FALSE(target.seen.readable);
    EXPECT_FALSE(target.seen.hung_up);
    EXPECT_EQ(target.last_generation, 5U);

    target.forget();
    poll();
    EXPECT_EQ(target.calls, 0);

    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(::write(far, "x", 1), 1);
        poll();
        EXPECT_TRUE(target.seen.readable) << "also if what came before has not been read";
        target.forget();
        poll();
        EXPECT_EQ(target.calls, 0);
    }
}

TEST_P(Poller, ReportsRoomToWriteAfterThereWasNone) {
    const auto [near, far] = stream_pair();
    recorder target;
    ASSERT_EQ(tested->add(near, target, 0), 0);
    std::vector<char> block(65536);
    while (::write(near, block.data(), block.size()) > 0) continue;
    poll();
    target.forget();
    while (::read(far, block.data(), block.size()) > 0) continue;
    poll();
    EXPECT_TRUE(target.seen.writable);
}

TEST_P(Poller, ReportsThePeersEnd) {
    const auto [near, far] = stream_pair();
    recorder target;
    ASSERT_EQ(tested->add(near, target, 0), 0);
    poll();
    target.forget();
    ASSERT_EQ(::shutdown(far, SHUT_WR), 0);
    poll();
    EXPECT_TRUE(target.seen.readable);
    EXPECT_TRUE(target.seen.hung_up);
    target.forget();
    ASSERT_EQ(::shutdown(far, SHUT_RD), 0);
    poll();
    EXPECT_TRUE(target.seen.readable && target.seen.writable && target.seen.hung_up);
}

TEST_P(Poller, ReportsNothingOfWhatWasRemoved) {
    const auto [near, far] = stream_pair();
    recorder target;
    ASSERT_EQ(tested->add(near, target, 1), 0);
    EXPECT_EQ(tested->size(), 1U);
    ASSERT_EQ(::write(far, "x", 1), 1);
    tested->remove(near);
    EXPECT_EQ(tested->size(), 0U);
    poll();
    EXPECT_EQ(target.calls, 0);

    ASSERT_EQ(tested->add(near, target, 2), 0);
    poll();
    EXPECT_TRUE(target.seen.readable) << "added again: what is there is an edge";
    EXPECT_EQ(target.last_generation, 2U);
}

TEST_P(Poller, RefusesWhatCannotBePolled) {
    recorder target;
    EXPECT_EQ(tested->add(-1, target, 0), -EBADF);
    const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(tested->add(file, target, 0), -EPERM);
    ::close(file);
    EXPECT_EQ(tested->size(), 0U);
}

TEST_P(Poller, InterruptReachesTheNextWait) {
    tested->interrupt();
    tested->interrupt();
    tested->wait(never, batch);
    std::atomic<bool> returned{false};
    std::thread polling([&] {
        tested->wait(never, batch);
        returned = true;
    });
    EXPECT_FALSE(returned) << "two interrupts before one wait are one";
    tested->interrupt();
    polling.join();
}

// Each work item must be seen by the poller without any further event: published, interrupt(), found after
// wait().
TEST_P(Poller, NoInterruptIsLost) {
    constexpr int items = 20000;
    std::atomic<int> published{0};
    std::atomic<int> taken{0};
    std::thread publishing([&] {
        for (int i = 1; i <= items; ++i) {
            published.store(i, std::memory_order_relaxed);
            tested->interrupt();
            if (i % 3 == 0) {
                while (taken.load(std::memory_order_relaxed) < i) std::this_thread::yield();
            }
        }
    });
    while (taken.load(std::memory_order_relaxed) < items) {
        tested->wait(never, batch);
        taken.store(published.load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
    publishing.join();
}

TEST_P(Poller, AnEventEndsAWait) {
    const auto [near, far] = stream_pair();
    recorder target;
    ASSERT_EQ(tested->add(near, target, 0), 0);
    poll();
    target.forget();
    std::thread writing([writer = far] { EXPECT_EQ(::write(writer, "x", 1), 1); });
    while (target.calls == 0) tested->wait(never, batch);
    EXPECT_TRUE(target.seen.readable);
    writing.join();
}

TEST_P(Poller, ADeadlineEndsAWait) {
    tested->wait(clock::time_point::min(), batch);
    tested->wait(clock::now() - std::chrono::seconds(1), batch);
    const auto deadline = clock::now() + std::chrono::milliseconds(2);
    while (clock::now() < deadline) tested->wait(deadline, batch);
    tested->wait(deadline, batch);
}

TEST_P(Poller, ReportsMoreDescriptorsThanFitIntoOneCall) {
    constexpr int pairs = 1500;
    std::vector<recorder> targets(pairs);
    std::vector<int> far_ends;
    for (recorder& target : targets) {
        const auto [near, far] = stream_pair();
        ASSERT_EQ(tested->add(near, target, 0), 0);
        far_ends.push_back(far);
    }
    for (int round = 0; round < 5; ++round) poll();
    for (recorder& target : targets) {
        EXPECT_TRUE(target.seen.writable);
        target.forget();
    }
    for (const int far : far_ends) ASSERT_EQ(::write(far, "x", 1), 1);
    for (int round = 0; round < 5; ++round) poll();
    for (const recorder& target : targets) EXPECT_TRUE(target.seen.readable);
    EXPECT_EQ(tested->size(), static_cast<std::size_t>(pairs));
}

TEST_P(Poller, WatchesADescriptorAddedWhileItWaits) {
    const auto [near, far] = stream_pair();
    recorder target;
    std::atomic<bool> done{false};
    std::thread polling([&] {
        while (target.calls == 0) tested->wait(never, batch);
        done = true;
    });
    ASSERT_EQ(tested->add(near, target, 3), 0);
    polling.join();
    EXPECT_TRUE(done);
    EXPECT_TRUE(target.seen.writable);
    static_cast<void>(far);
}

} // namespace
} // namespace weft::net
