// SPDX-License-Identifier: BSL-1.0
#include "net/running_server.hpp"
#include "net/system_call_faults.hpp"

#include <weft/net/udp.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/syscall.h>
#include <unistd.h>

namespace weft::net {
namespace {

using test::bytes;
using test::connection;
using test::expect_echo;
using test::failure_of;
using test::read_exact_text;
using test::running;

// Calls that the system refuses, for reasons that no test can bring about: it is short of memory, a signal came.
class RefusedCalls : public test::network {
protected:
    // As run(), with each system call of that number under the eyes of what the body is given; the
    // descriptor is that argument.
    void run_asked_about(
        long number, std::size_t argument, const std::function<void(test::system_call_faults&)>& body) {
        test::system_call_faults faults(number, argument);
        if (!faults.run([&] { run([&] { body(faults); }); }))
            GTEST_SKIP() << "this system permits no seccomp filter that asks: "
                         << std::strerror(faults.refusal());
    }
};
INSTANTIATE_TEST_SUITE_P(Workers, RefusedCalls, test::all_worker_counts(), test::workers_name);

constexpr std::size_t watched_descriptor = 2; // of epoll_ctl

// What the system says when it has no descriptor or no memory.
const std::vector<std::pair<int, std::errc>> shortages{
    {EMFILE, std::errc::too_many_files_open},
    {ENFILE, std::errc::too_many_files_open},
    {ENOBUFS, std::errc::no_buffer_space},
    {ENOMEM, std::errc::not_enough_memory},
};

TEST_P(RefusedCalls, AcceptPassesOverWhatConcernsOnePeer) {
    run_asked_about(SYS_accept4, 0, [](test::system_call_faults& faults) {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        auto client = tcp_stream::connect(listener.local_endpoint());
        const std::vector<int> of_one_peer{ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET,
            EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, EINTR, ECONNABORTED};
        faults.fail_next(listener.native_handle(), of_one_peer);
        auto accepted = listener.accept();
        EXPECT_EQ(faults.asked(), of_one_peer.size() + 1);
        EXPECT_EQ(accepted.remote_endpoint(), client.local_endpoint());
    });
}

TEST_P(RefusedCalls, AcceptTellsOfAShortageAndLosesNothing) {
    run_asked_about(SYS_accept4, 0, [](test::system_call_faults& faults) {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        for (const auto& [error, expected] : shortages) {
            auto client = tcp_stream::connect(listener.local_endpoint());
            faults.fail_next(listener.native_handle(), {error, error});
            EXPECT_EQ(failure_of([&] { listener.accept(); }), expected);
            std::error_code ec;
            EXPECT_FALSE(listener.accept(ec).is_open());
            EXPECT_EQ(ec, expected);
            auto accepted = listener.accept(); // without any new edge
            EXPECT_EQ(accepted.remote_endpoint(), client.local_endpoint());
        }
    });
}

TEST_P(RefusedCalls, ServerPausesInAShortageAndLosesNothing) {
    run_asked_about(SYS_accept4, 0, [](test::system_call_faults& faults) {
        running srv({}, test::echo);
        auto early = srv.connect();
        expect_echo(early);
        for (const auto& [error, expected] : shortages) {
            srv.where().await_parked(test::readable); // no call is on its way
            faults.fail_always(srv.listener().native_handle(), error);
            auto client = srv.connect();
            client.write_all(bytes("x"));
            srv.where().await_parked("a sleep");
            EXPECT_GE(faults.asked(), 1U);
            expect_echo(early);
            faults.fail_next(srv.listener().native_handle(), {error, ECONNABORTED});
            EXPECT_EQ(read_exact_text(client, 1), "x");
            EXPECT_EQ(faults.left(), 0U);
        }
        srv->shutdown(std::chrono::seconds(0));
        srv.join();
        EXPECT_EQ(srv->statistics().accepted, 1 + shortages.size());
        EXPECT_EQ(srv->statistics().refused, 0U);
    });
}

TEST_P(RefusedCalls, ServerEndsWhenAcceptingFailsForGood) {
    run_asked_about(SYS_accept4, 0, [](test::system_call_faults& faults) {
        running srv({}, test::echo);
        auto client = srv.connect();
        expect_echo(client);
        const endpoint address = srv.listener().local_endpoint();
        faults.fail_next(srv.listener().native_handle(), {EINVAL});
        std::error_code perhaps_reset;
        const auto second = tcp_stream::connect(address, perhaps_reset);
        EXPECT_EQ(failure_of([&] { srv.join(); }), std::errc::invalid_argument);
        EXPECT_EQ(test::read_text(client, 1), "");
    });
}

// The poller has no memory for it, or the user watches as many descriptors as the system allows.
TEST_P(RefusedCalls, ConnectionThatCannotBeWatchedIsClosedAlone) {
    if (poller_takes_errors) GTEST_SKIP() << "libkqueue says EFAULT, whatever epoll_ctl says";
    run_asked_about(SYS_epoll_ctl, watched_descriptor, [](test::system_call_faults& faults) {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const endpoint address = listener.local_endpoint();
        server srv;
        std::vector<tcp_stream> lost;
        for (int i = 0; i < 2; ++i) lost.push_back(tcp_stream::connect(address));
        auto client = tcp_stream::connect(address);
        faults.fail_next(faults.any_descriptor, {ENOSPC, ENOMEM});
        auto serving = go([&] { srv.serve(listener, test::echo); });
        expect_echo(client);
        for (tcp_stream& each : lost) EXPECT_EQ(test::read_text(each, 1), "");
        srv.shutdown(std::chrono::seconds(0));
        serving.join();
        EXPECT_EQ(srv.statistics().accepted, 1U);
    });
}

TEST_P(RefusedCalls, ConnectTellsThatNoneWasWatched) {
    if (poller_takes_errors) GTEST_SKIP() << "libkqueue says EFAULT, whatever epoll_ctl says";
    run_asked_about(SYS_epoll_ctl, watched_descriptor, [](test::system_call_faults& faults) {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        faults.fail_next(faults.any_descriptor, {ENOSPC});
        std::error_code ec;
        EXPECT_FALSE(tcp_stream::connect(listener.local_endpoint(), ec).is_open());
        EXPECT_EQ(ec, std::errc::no_space_on_device);
        EXPECT_TRUE(tcp_stream::connect(listener.local_endpoint()).is_open());
    });
}

// --- writes: how much they did is told

constexpr std::size_t large = 8'000'000;

struct written {
    std::error_code error;
    std::size_t transferred = 0;
};
template <class Write>
written outcome_of(Write write) {
    try {
        return {{}, static_cast<std::size_t>(write())};
    } catch (const io_error& error) {
        return {error.code(), error.transferred()};
    }
}

// Fails the second part of a large write, whose first one fills what room there is. The bytes before it have gone out, and the
// stream is as good as before.
template <class Write>
void second_part_fails(test::system_call_faults& faults, Write write) {
    for (const int error : {ENOBUFS, ENOMEM}) {
        auto [near, far] = connection();
        test::narrow(near);
        faults.fail_next(near.native_handle(), {EINTR, 0, EINTR, EINTR, error});
        auto writing = go([&, &to = near] { return outcome_of([&] { return write(to); }); });
        auto reading = go([&from = far] {
            std::string all;
            do {
                all += test::read_text(from, 1 << 16);
            } while (all.back() != '!');
            return all.size() - 1;
        });
        const written result = writing.join();
        EXPECT_EQ(result.error, std::error_code(error, std::system_category()));
        EXPECT_GT(result.transferred, 0U);
        EXPECT_LT(result.transferred, large);
        EXPECT_EQ(faults.left(), 0U);
        near.write_all(bytes("!"));
        EXPECT_EQ(reading.join(), result.transferred);
    }
}

TEST_P(RefusedCalls, WriteTellsHowMuchItDid) {
    run_asked_about(SYS_sendto, 0, [](test::system_call_faults& faults) {
        const std::vector<std::byte> block(large);
        second_part_fails(faults, [&](tcp_stream& to) { return to.write_all(block); });
    });
}

TEST_P(RefusedCalls, GatheredWriteTellsHowMuchItDid) {
    run_asked_about(SYS_sendmsg, 0, [](test::system_call_faults& faults) {
        const std::vector<std::byte> block(1000);
        const std::vector<std::span<const std::byte>> pieces(large / block.size(), std::span(block));
        second_part_fails(faults, [&](tcp_stream& to) { return to.write_all(pieces); });
    });
}

TEST_P(RefusedCalls, SendFileTellsHowMuchItDid) {
    run_asked_about(SYS_sendfile, 0, [](test::system_call_faults& faults) {
        std::FILE* const file = std::tmpfile();
        ASSERT_EQ(::ftruncate(::fileno(file), static_cast<off_t>(large)), 0);
        second_part_fails(faults, [&](tcp_stream& to) { return to.send_file(::fileno(file), 0, large); });
        std::fclose(file);
    });
}

TEST_P(RefusedCalls, InterruptedReadIsRepeated) {
    run_asked_about(SYS_recvfrom, 0, [](test::system_call_faults& faults) {
        auto [near, far] = connection();
        faults.fail_next(near.native_handle(), {EINTR, EINTR, 0, EINTR});
        far.write_all(bytes("ab"));
        EXPECT_EQ(read_exact_text(near, 1), "a");
        EXPECT_EQ(read_exact_text(near, 1), "b");
        EXPECT_EQ(faults.left(), 0U);
    });
}

TEST_P(RefusedCalls, ShortageInAReadIsToldOnce) {
    run_asked_about(SYS_recvfrom, 0, [](test::system_call_faults& faults) {
        auto [near, far] = connection();
        far.write_all(bytes("abc"));
        faults.fail_next(near.native_handle(), {0, ENOMEM});
        std::array<std::byte, 1> one;
        near.read_exactly(one);
        EXPECT_EQ(failure_of([&, &from = near] { from.read_exactly(one); }), std::errc::not_enough_memory);
        EXPECT_EQ(read_exact_text(near, 2), "bc");
    });
}

TEST_P(RefusedCalls, DatagramsThatWereSentAreCounted) {
    run_asked_about(SYS_sendmmsg, 0, [](test::system_call_faults& faults) {
        auto near = udp_socket::bind("127.0.0.1:0");
        auto far = udp_socket::bind("127.0.0.1:0");
        const std::vector<outgoing_datagram> batch(100, {.bytes = bytes("x"), .to = far.local_endpoint()});
        faults.fail_next(near.native_handle(), {EINTR, 0, ENOBUFS});
        const written result = outcome_of([&] { return near.send_batch(batch); });
        EXPECT_EQ(result.error, std::errc::no_buffer_space);
        EXPECT_GT(result.transferred, 0U);
        EXPECT_LT(result.transferred, batch.size());
        std::array<std::byte, 10> to;
        for (std::size_t i = 0; i < result.transferred; ++i) EXPECT_EQ(far.recv_from(to).size, 1U);
        far.set_read_deadline(std::chrono::seconds(0));
        EXPECT_EQ(failure_of([&] { far.recv_from(to); }), errc::deadline_exceeded) << "no more than that";
    });
}

TEST_P(RefusedCalls, DatagramThatWasNotSentIsTold) {
    run_asked_about(SYS_sendto, 0, [](test::system_call_faults& faults) {
        auto near = udp_socket::bind("127.0.0.1:0");
        auto far = udp_socket::bind("127.0.0.1:0");
        faults.fail_next(near.native_handle(), {ENOBUFS, EINTR});
        EXPECT_EQ(
            failure_of([&] { near.send_to(bytes("x"), far.local_endpoint()); }), std::errc::no_buffer_space);
        near.send_to(bytes("y"), far.local_endpoint());
        std::array<std::byte, 1> to;
        far.recv_from(to);
        EXPECT_EQ(to[0], std::byte{'y'});
    });
}

} // namespace
} // namespace weft::net
