// SPDX-License-Identifier: BSL-1.0
#if WEFT_HAS_EPOLL
#include "poller/epoll.hpp"
#endif
#if WEFT_USES_KQUEUE
#include "poller/kqueue.hpp"
#endif

#include <weft/backend/sys.hpp>
#include <weft/waiting/park.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

// The contract of a poller, by each backend that this build has.
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
        if (seen.error <= 0) seen.error = events.error;
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
        while (!added_.empty()) remove(added_.back());
        for (const int fd : fds_) ::close(fd);
    }
    int add(int fd, poll_target& target, std::uint32_t generation) {
        const int result = tested->add(fd, target, generation);
        if (result == 0) added_.push_back(fd);
        return result;
    }
    void remove(int fd) {
        tested->remove(fd);
        std::erase(added_, fd);
    }
    std::array<int, 2> stream_pair() {
        std::array<int, 2> ends;
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
        fds_.insert(fds_.end(), ends.begin(), ends.end());
        return ends;
    }
    // The first end has a certain number, which is free.
    std::array<int, 2> stream_pair_at(int number) {
        auto ends = stream_pair();
        if (ends[1] == number) std::swap(ends[0], ends[1]);
        if (ends[0] == number) return ends;
        EXPECT_EQ(::dup3(ends[0], number, O_CLOEXEC), number);
        close_now(ends[0]);
        return {closed_at_end(number), ends[1]};
    }
    // What is there now, without waiting.
    void poll() { tested->wait(clock::time_point::min(), batch); }
    std::array<int, 2> pipe_ends() {
        std::array<int, 2> ends;
        EXPECT_EQ(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
        fds_.insert(fds_.end(), ends.begin(), ends.end());
        return ends;
    }
    int closed_at_end(int fd) {
        EXPECT_GE(fd, 0);
        fds_.push_back(fd);
        return fd;
    }
    void close_now(int fd) {
        std::erase(fds_, fd);
        EXPECT_EQ(::close(fd), 0);
    }

    std::shared_ptr<poller> tested = GetParam().make();
    std::array<std::byte, 8> nowhere{};
    ready_list batch{reinterpret_cast<scheduler&>(nowhere)}; // none of these targets puts anything into it

private:
    std::vector<int> fds_;
    std::vector<int> added_;
};

const std::vector<backend> backends{
#if WEFT_HAS_EPOLL
    {"epoll", &make_epoll_poller},
#endif
#if WEFT_USES_KQUEUE
    {"kqueue", &make_kqueue_poller},
#endif
};

INSTANTIATE_TEST_SUITE_P(Backends, Poller, ::testing::ValuesIn(backends),
    [](const auto& of) { return std::string(of.param.name); });

TEST_P(Poller, ReportsEachEdgeOnce) {
    const auto [near, far] = stream_pair();
    recorder target;
    ASSERT_EQ(add(near, target, 5), 0);
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
    ASSERT_EQ(add(near, target, 0), 0);
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
    ASSERT_EQ(add(near, target, 0), 0);
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
    ASSERT_EQ(add(near, target, 1), 0);
    EXPECT_EQ(tested->size(), 1U);
    ASSERT_EQ(::write(far, "x", 1), 1);
    remove(near);
    EXPECT_EQ(tested->size(), 0U);
    poll();
    EXPECT_EQ(target.calls, 0);

    ASSERT_EQ(add(near, target, 2), 0);
    poll();
    EXPECT_TRUE(target.seen.readable) << "added again: what is there is an edge";
    EXPECT_EQ(target.last_generation, 2U);
}

TEST_P(Poller, RefusesWhatCannotBePolled) {
    recorder target;
    EXPECT_EQ(add(-1, target, 0), -EBADF);
    const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(add(file, target, 0), -EPERM);
    ::close(file);
    const int folder = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    EXPECT_EQ(add(folder, target, 0), -EPERM);
    ::close(folder);
    EXPECT_EQ(tested->size(), 0U);
}

TEST_P(Poller, ReportsADescriptorThatHasTheNumberOfAnEarlierOne) {
    recorder earlier;
    recorder later;
    for (int round = 0; round < 3; ++round) {
        const auto [near, far] = stream_pair();
        ASSERT_EQ(add(near, earlier, 1), 0);
        poll();
        remove(near);
        close_now(near);
        close_now(far);
        const auto [again, peer] = stream_pair_at(near);
        later.forget();
        ASSERT_EQ(add(again, later, 2), 0);
        ASSERT_EQ(::write(peer, "x", 1), 1);
        poll();
        EXPECT_TRUE(later.seen.readable && later.seen.writable);
        remove(again);
        close_now(again);
        close_now(peer);
    }
    EXPECT_EQ(tested->size(), 0U);
}

TEST_P(Poller, WatchesBothEndsOfAPipe) {
    const auto [out, in] = pipe_ends();
    recorder reading;
    recorder writing;
    ASSERT_EQ(add(out, reading, 0), 0);
    ASSERT_EQ(add(in, writing, 0), 0);
    poll();
    EXPECT_FALSE(reading.seen.readable);
    EXPECT_TRUE(writing.seen.writable);

    std::vector<char> block(65536);
    while (::write(in, block.data(), block.size()) > 0) continue;
    poll();
    EXPECT_TRUE(reading.seen.readable);
    writing.forget();
    while (::read(out, block.data(), block.size()) > 0) continue;
    poll();
    EXPECT_TRUE(writing.seen.writable) << "there is room again";

    reading.forget();
    remove(in);
    close_now(in);
    poll();
    EXPECT_TRUE(reading.seen.readable && reading.seen.hung_up);
}

TEST_P(Poller, TellsTheWriterThatNobodyReadsThePipe) {
    const auto [out, in] = pipe_ends();
    recorder writing;
    ASSERT_EQ(add(in, writing, 0), 0);
    poll();
    writing.forget();
    close_now(out);
    poll();
    EXPECT_TRUE(writing.seen.writable && writing.seen.hung_up);
    EXPECT_LE(writing.seen.error, 0) << "the write itself says so";
}

TEST_P(Poller, TakesAPipeThatHasEnded) {
    const auto [out, in] = pipe_ends();
    ASSERT_EQ(::write(in, "x", 1), 1);
    close_now(in);
    recorder reading;
    ASSERT_EQ(add(out, reading, 0), 0);
    poll();
    EXPECT_TRUE(reading.seen.readable && reading.seen.hung_up);
}

TEST_P(Poller, WatchesATerminal) {
    const int ours = closed_at_end(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK));
    ASSERT_EQ(::grantpt(ours), 0);
    ASSERT_EQ(::unlockpt(ours), 0);
    const int terminal = closed_at_end(::open(::ptsname(ours), O_RDWR | O_NOCTTY | O_NONBLOCK));
    recorder target;
    ASSERT_EQ(add(terminal, target, 0), 0);
    poll();
    EXPECT_TRUE(target.seen.writable);
    EXPECT_FALSE(target.seen.readable);
    ASSERT_EQ(::write(ours, "line\n", 5), 5);
    while (!target.seen.readable) tested->wait(never, batch);
}

// Nobody listens at a port that was bound and given back.
int refused_connection() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    const int taken = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(taken, generic, size), 0);
    EXPECT_EQ(::getsockname(taken, generic, &size), 0);
    ::close(taken);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    EXPECT_EQ(::connect(fd, generic, size), -1);
    EXPECT_EQ(errno, EINPROGRESS);
    return fd;
}

TEST_P(Poller, AnErrorStaysWithTheSocketOrIsTold) {
    const int fd = closed_at_end(refused_connection());
    recorder target;
    ASSERT_EQ(add(fd, target, 0), 0);
    while (!target.seen.hung_up) tested->wait(never, batch);
    EXPECT_TRUE(target.seen.readable && target.seen.writable);
    int left = 0;
    socklen_t size = sizeof left;
    ASSERT_EQ(::getsockopt(fd, SOL_SOCKET, SO_ERROR, &left, &size), 0);
    EXPECT_EQ(target.seen.error > 0 ? target.seen.error : left, ECONNREFUSED);
    EXPECT_EQ(target.seen.error > 0 ? left : 0, 0) << "once";
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
    ASSERT_EQ(add(near, target, 0), 0);
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
        ASSERT_EQ(add(near, target, 0), 0);
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
    for (recorder& target : targets) target.forget();
    for (const int far : far_ends) ASSERT_EQ(::shutdown(far, SHUT_WR), 0);
    for (int round = 0; round < 5; ++round) poll();
    for (const recorder& target : targets) EXPECT_TRUE(target.seen.readable && target.seen.hung_up);
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
    ASSERT_EQ(add(near, target, 3), 0);
    polling.join();
    EXPECT_TRUE(done);
    EXPECT_TRUE(target.seen.writable);
    static_cast<void>(far);
}

} // namespace
} // namespace weft::net
