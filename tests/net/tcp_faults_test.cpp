// SPDX-License-Identifier: BSL-1.0
#include "net/tcp_test.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

namespace weft::net {
namespace {

using test::bytes;
using test::connection;
using test::echo;
using test::failure_of;
using test::fill;
using test::read_exact_text;
using test::read_text;
using test::reset_at_close;
using test::whereabouts;

using TcpFaults = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, TcpFaults, test::all_worker_counts(), test::workers_name);

TEST_P(TcpFaults, ResetHurtsOnlyItsOwnFiber) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        constexpr int connections = 20;
        std::vector<tcp_stream> clients;
        std::vector<fiber<std::error_code>> handlers;
        for (int i = 0; i < connections; ++i) {
            clients.push_back(tcp_stream::connect(address));
            handlers.push_back(go(
                [peer = listener.accept()]() mutable { return failure_of([&] { echo(std::move(peer)); }); }));
        }
        for (std::size_t i = 0; i < connections; i += 2) {
            clients[i].write_all(bytes("x"));
            EXPECT_EQ(read_exact_text(clients[i], 1), "x");
            reset_at_close(clients[i]);
            clients[i].close();
            EXPECT_EQ(handlers[i].join(), std::errc::connection_reset);
        }
        for (std::size_t i = 1; i < connections; i += 2) {
            clients[i].write_all(bytes("still here"));
            EXPECT_EQ(read_exact_text(clients[i], 10), "still here");
            clients[i].close();
            EXPECT_EQ(handlers[i].join(), std::error_code());
        }
    });
}

TEST_P(TcpFaults, ResetWakesAWriter) {
    run([] {
        auto [near, far] = connection();
        fill(near);
        whereabouts where;
        auto writer = go([&, &stream = near] {
            where.here();
            const std::vector<std::byte> block(1 << 20);
            return failure_of([&] { stream.write_all(block); });
        });
        where.await_parked(test::writable);
        reset_at_close(far);
        far.close();
        EXPECT_EQ(writer.join(), std::errc::connection_reset);
    });
}

// SIGPIPE has its default action here, which would end the program.
TEST_P(TcpFaults, WriteToAPeerThatIsGoneIsAnError) {
    run([] {
        auto [near, far] = connection();
        reset_at_close(far);
        far.close();
        EXPECT_EQ(failure_of([&, &stream = near] { read_text(stream, 1); }), std::errc::connection_reset);
        EXPECT_EQ(failure_of([&, &stream = near] { stream.write_all(bytes("x")); }), std::errc::broken_pipe);
        const std::array<std::span<const std::byte>, 2> gather{bytes("x"), bytes("y")};
        EXPECT_EQ(failure_of([&, &stream = near] { stream.write_all(gather); }), std::errc::broken_pipe);
    });
}

class lowered_limit {
public:
    explicit lowered_limit(rlim_t descriptors) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit lowered{descriptors, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &lowered);
    }
    ~lowered_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    lowered_limit(const lowered_limit&) = delete;
    lowered_limit& operator=(const lowered_limit&) = delete;

private:
    rlimit before_{};
};

TEST_P(TcpFaults, AcceptWithoutDescriptorsLosesNoConnection) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        std::vector<tcp_stream> clients;
        for (int i = 0; i < 3; ++i) clients.push_back(tcp_stream::connect(listener.local_endpoint()));
        auto first = listener.accept();

        std::vector<int> taken;
        {
            const lowered_limit limit(static_cast<rlim_t>(first.native_handle()) + 20);
            for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) taken.push_back(fd);
            for (int i = 0; i < 3; ++i)
                EXPECT_EQ(failure_of([&] { static_cast<void>(listener.accept()); }),
                    std::errc::too_many_files_open);
            EXPECT_EQ(failure_of([&] { static_cast<void>(tcp_stream::connect(listener.local_endpoint())); }),
                std::errc::too_many_files_open);
        }
        for (const int fd : taken) ::close(fd);
        auto second = listener.accept(); // without any new edge
        auto third = listener.accept();
        EXPECT_EQ(second.remote_endpoint(), clients[1].local_endpoint());
        EXPECT_EQ(third.remote_endpoint(), clients[2].local_endpoint());
    });
}

} // namespace
} // namespace weft::net
