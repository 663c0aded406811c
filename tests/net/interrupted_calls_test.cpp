// SPDX-License-Identifier: BSL-1.0
#include "net/running_server.hpp"

#include <weft/net/descriptor.hpp>
#include <weft/net/resolve.hpp>
#include <weft/net/udp.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::read_exact_text;
using test::running;

// Interrupts whatever system call any thread of the process is in, over and over, by a signal whose handler says nothing of
// restarting them. The handler stays: a thread may get its last signal later.
class signal_storm {
public:
    signal_storm() : before_(handled.load()) {
        struct sigaction counting{};
        counting.sa_handler = [](int) { handled.fetch_add(1, std::memory_order_relaxed); };
        ::sigaction(SIGUSR2, &counting, nullptr);
        sender_ = std::thread([this] { send(); });
    }
    ~signal_storm() {
        over_.store(true);
        sender_.join();
    }
    signal_storm(const signal_storm&) = delete;
    signal_storm& operator=(const signal_storm&) = delete;

    std::size_t so_far() const { return handled.load() - before_; }

private:
    void send() const {
        while (!over_.load()) {
            std::error_code gone;
            for (const auto& each : std::filesystem::directory_iterator("/proc/self/task", gone))
                ::syscall(SYS_tgkill, ::getpid(), std::atoi(each.path().filename().c_str()), SIGUSR2);
            std::this_thread::yield();
        }
    }

    static inline std::atomic<std::size_t> handled;

    const std::size_t before_;
    std::atomic<bool> over_{false};
    std::thread sender_;
};

constexpr std::size_t enough = 1000;

using InterruptedCalls = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, InterruptedCalls, test::all_worker_counts(), test::workers_name);

template <class Stream>
void exchange(Stream& with, int times) {
    for (int i = 0; i < times; ++i) {
        const std::string text = "message " + std::to_string(i);
        with.write_all(bytes(text));
        EXPECT_EQ(read_exact_text(with, text.size()), text);
    }
}

// Whoever talks meets many connections that come and go, and nobody sees that he was interrupted: each call here throws what it
// meets.
TEST_P(InterruptedCalls, NothingIsLostAndNobodyIsTold) {
    const signal_storm storm;
    run([&] {
        std::atomic<std::uint64_t> connections{0};
        running srv({}, test::echo);
        std::vector<fiber<void>> clients;
        for (int i = 0; i < 8; ++i) {
            clients.push_back(go([&] {
                for (int n = 0; n < 20 || storm.so_far() < enough; ++n) {
                    ++connections;
                    auto stream = srv.connect();
                    exchange(stream, 5);
                }
            }));
        }
        for (auto& each : clients) each.join();
        EXPECT_EQ(srv->statistics().accepted, connections);
        srv->shutdown();
        srv.join();
        EXPECT_EQ(srv->statistics().failed, 0U);
    });
}

// Outside a runtime: threads that block.
TEST(InterruptedThreads, NothingIsLostAndNobodyIsTold) {
    const signal_storm storm;
    auto listener = tcp_listener::listen("127.0.0.1:0");
    std::atomic<bool> over{false};
    std::thread server([&] {
        for (;;) {
            auto peer = listener.accept();
            if (over) return;
            test::echo(std::move(peer));
        }
    });
    while (storm.so_far() < enough) {
        auto stream = tcp_stream::connect(listener.local_endpoint());
        exchange(stream, 10);
        stream.set_read_deadline(1ms);
        EXPECT_EQ(test::failure_of([&] { read_exact_text(stream, 1); }), errc::deadline_exceeded);
        weft::sleep(100us);
    }
    over = true;
    static_cast<void>(tcp_stream::connect(listener.local_endpoint()));
    server.join();
}

TEST_P(InterruptedCalls, NorOnOtherDescriptors) {
    const signal_storm storm;
    run([&] {
        auto near = udp_socket::bind("127.0.0.1:0");
        auto far = udp_socket::bind("127.0.0.1:0");
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        descriptor in(ends[0]);
        descriptor out(ends[1]);
        auto [left, right] = unix_stream::pair();
        auto echoing = go([&, &from = right] {
            std::array<std::byte, 10> buffer;
            while (const std::size_t size = in.read_some(buffer))
                from.write_all(std::span(buffer).first(size));
        });
        for (int i = 0; i < 100 || storm.so_far() < enough; ++i) {
            const char text[] = {static_cast<char>('a' + i % 26), '\0'};
            out.write_all(bytes(text));
            EXPECT_EQ(read_exact_text(left, 1), text);
            far.send_to(bytes(text), near.local_endpoint());
            std::array<std::byte, 4> to;
            EXPECT_EQ(near.recv_from(to).size, 1U);
            if (i % 10 == 0) {
                sleep(100us);
                EXPECT_FALSE(resolve("127.0.0.1", "80").empty());
                EXPECT_FALSE(resolve("localhost", "80").empty());
            }
        }
        out.close();
        echoing.join();
    });
}

} // namespace
} // namespace weft::net
