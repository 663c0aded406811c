// SPDX-License-Identifier: BSL-1.0
#include "net/running_server.hpp"
#include "support/actors.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::reset_at_close;
using test::stress_factor;

// Numbers of descriptors are given out again at once: by whoever comes next, of this library or not, while events, deadlines and
// readers of the one before are still on their way. Every stream carries a token of its own, and nobody may ever meet another one's.
// 16,000 openings of each kind; WEFT_STRESS=N: N times as many, a million with 63.
constexpr int users = 4;
int openings() { return 1000 * stress_factor(); }

using token = std::array<std::byte, 8>;
token make_token(std::uint64_t number) {
    token result;
    std::memcpy(result.data(), &number, sizeof number);
    return result;
}

// Descriptors that the library knows nothing of, in a thread of its own: they are neither closed nor read by anybody else.
class stranger {
public:
    stranger() : thread_([this] { open_and_close(); }) {}
    ~stranger() {
        over_ = true;
        thread_.join();
    }
    stranger(const stranger&) = delete;
    stranger& operator=(const stranger&) = delete;

private:
    void open_and_close() const {
        for (std::uint64_t number = 1; !over_; ++number) {
            int ends[2];
            ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
            const token sent = make_token(number << 48);
            struct stat before{};
            struct stat after{};
            EXPECT_EQ(::fstat(ends[0], &before), 0);
            EXPECT_EQ(::write(ends[1], sent.data(), sent.size()), 8);
            std::this_thread::yield();
            token received{};
            EXPECT_EQ(::recv(ends[0], received.data(), received.size(), MSG_DONTWAIT), 8);
            EXPECT_EQ(received, sent);
            EXPECT_EQ(::fstat(ends[0], &after), 0);
            EXPECT_EQ(after.st_ino, before.st_ino);
            EXPECT_EQ(::close(ends[0]), 0);
            EXPECT_EQ(::close(ends[1]), 0);
        }
    }

    std::atomic<bool> over_{false};
    std::thread thread_;
};

using DescriptorReuse = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, DescriptorReuse, test::all_worker_counts(), test::workers_name);

// What one user does, over and over: a reader waits, perhaps with a deadline; the token comes, or comes late, or not at all; the
// stream is closed, before, while or after it is read.
template <class Connect>
void use_and_close(std::uint64_t user, Connect connect) {
    for (int i = 0; i < openings(); ++i) {
        const token sent = make_token(user << 32 | static_cast<std::uint64_t>(i));
        const bool may_be_late = i % 7 == 0;
        const bool peer_goes = i % 11 == 0; // at once; otherwise last
        const bool written = i % 2 == 0;
        const bool after_reading = written && i % 4 == 0 && !may_be_late;
        auto [near, far] = connect();
        auto reader = go([&, &from = near] {
            token received{};
            std::error_code ec;
            const std::size_t count = from.read_exactly(received, ec);
            if (!ec) {
                EXPECT_EQ(received, sent);
            } else {
                EXPECT_EQ(count, 0U);
                EXPECT_TRUE(ec == std::errc::operation_canceled || ec == std::errc::bad_file_descriptor ||
                    (may_be_late && ec == errc::deadline_exceeded) ||
                    (peer_goes && (ec == std::errc::connection_reset || ec == errc::eof)))
                    << ec << ' ' << ec.message();
            }
            return !ec;
        });
        if (may_be_late) near.set_read_deadline(std::chrono::microseconds(i % 100));
        if (i % 3 == 0) yield();
        if (written) far.write_all(sent);
        if (i % 5 == 0) yield();
        if (after_reading) {
            EXPECT_TRUE(reader.join());
        }
        near.close();
        if (peer_goes) far.close();
        if (!after_reading) reader.join();
    }
}

template <class Connect>
void by_all_users(Connect connect) {
    const stranger beside;
    std::vector<fiber<void>> all;
    for (std::uint64_t user = 1; user <= users; ++user)
        all.push_back(go([user, &connect] { use_and_close(user, connect); }));
    for (auto& each : all) each.join();
}

TEST_P(DescriptorReuse, UnixPairs) {
    run([] { by_all_users([] { return unix_stream::pair(); }); });
}

// Closed by a reset, lest a port is taken for a minute.
TEST_P(DescriptorReuse, TcpConnections) {
    run([] {
        by_all_users([] {
            auto ends = test::connection();
            reset_at_close(ends.first);
            reset_at_close(ends.second);
            return ends;
        });
    });
}

} // namespace
} // namespace weft::net
