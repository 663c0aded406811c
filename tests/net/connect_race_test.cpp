// SPDX-License-Identifier: BSL-1.0
#include "connect_race.hpp"

#include "net/net_test.hpp"

#include <weft/cancel.hpp>
#include <weft/select.hpp>

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::failure_of;
using test::gate;

const endpoint six_a("[2001:db8::1]:80");
const endpoint six_b("[2001:db8::2]:80");
const endpoint six_c("[2001:db8::3]:80");
const endpoint four_a("192.0.2.1:80");
const endpoint four_b("192.0.2.2:80");

TEST(ConnectRace, FamiliesTakeTurns) {
    using list = std::vector<endpoint>;
    EXPECT_EQ(in_turns_of_families({six_a}), (list{six_a}));
    EXPECT_EQ(in_turns_of_families({six_a, six_b, six_c, four_a, four_b}),
        (list{six_a, four_a, six_b, four_b, six_c}));
    EXPECT_EQ(in_turns_of_families({four_a, six_a, four_b}), (list{four_a, six_a, four_b}));
    EXPECT_EQ(in_turns_of_families({four_a, four_b}), (list{four_a, four_b}));
}

class ConnectRaceFibers : public test::network {
protected:
    // A real connection, whatever the address.
    static tcp_stream connect_somewhere() {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        return tcp_stream::connect(listener.local_endpoint());
    }
};
INSTANTIATE_TEST_SUITE_P(Workers, ConnectRaceFibers, test::all_worker_counts(), test::workers_name);

TEST_P(ConnectRaceFibers, AnAddressThatAnswersAtOnceIsAlone) {
    run([] {
        std::vector<endpoint> tried;
        std::error_code ec;
        const auto attempt = [&](const endpoint& to, std::error_code& failure) {
            tried.push_back(to);
            failure.clear();
            return connect_somewhere();
        };
        EXPECT_TRUE(race({six_a, four_a}, attempt, 24h, ec).is_open());
        EXPECT_FALSE(ec);
        EXPECT_EQ(tried, std::vector<endpoint>{six_a});
    });
}

// The first never answers: the second is tried meanwhile, wins, and the first is cancelled.
TEST_P(ConnectRaceFibers, AnAddressThatIsSilentIsOvertaken) {
    run([] {
        bool was_cancelled = false;
        std::error_code ec;
        const auto attempt = [&](const endpoint& to, std::error_code& failure) {
            failure.clear();
            if (to.is_v6()) {
                try {
                    sleep(24h);
                } catch (const cancelled&) {
                    was_cancelled = true;
                    throw;
                }
            }
            return connect_somewhere();
        };
        EXPECT_TRUE(race({six_a, four_a}, attempt, 1ms, ec).is_open());
        EXPECT_TRUE(was_cancelled);
    });
}

TEST_P(ConnectRaceFibers, TheLateWinnerIsTakenIfTheOthersFail) {
    run([] {
        gate others_failed;
        std::error_code ec;
        const auto attempt = [&](const endpoint& to, std::error_code& failure) -> tcp_stream {
            failure.clear();
            if (to == six_a) {
                others_failed.wait();
                return connect_somewhere();
            }
            failure = std::make_error_code(std::errc::connection_refused);
            if (to == four_b) others_failed.open();
            return {};
        };
        EXPECT_TRUE(race({six_a, four_a, four_b}, attempt, 1ms, ec).is_open());
        EXPECT_FALSE(ec);
    });
}

TEST_P(ConnectRaceFibers, OfFailuresTheFirstIsTold) {
    run([] {
        std::error_code ec;
        const auto attempt = [&](const endpoint& to, std::error_code& failure) -> tcp_stream {
            failure = std::make_error_code(
                to == six_a ? std::errc::network_unreachable : std::errc::connection_refused);
            return {};
        };
        EXPECT_FALSE(race({six_a, six_b, four_a}, attempt, 24h, ec).is_open());
        EXPECT_EQ(ec, std::errc::network_unreachable);
    });
}

TEST_P(ConnectRaceFibers, WhatAnAttemptThrowsIsThrown) {
    run([] {
        std::error_code ec;
        const auto attempt = [](const endpoint&, std::error_code&) -> tcp_stream { throw std::bad_alloc(); };
        EXPECT_THROW(race({six_a, four_a}, attempt, 24h, ec), std::bad_alloc);
    });
}

TEST_P(ConnectRaceFibers, CancelledTogether) {
    run([] {
        std::error_code ec;
        const auto attempt = [](const endpoint&, std::error_code&) -> tcp_stream {
            sleep(24h);
            return {};
        };
        EXPECT_THROW(with_timeout(1ms, [&] { race({six_a, four_a}, attempt, 24h, ec); }), timed_out);
    });
}

// localhost is ::1 and 127.0.0.1 on most machines, and the listener is on one of them.
TEST_P(ConnectRaceFibers, NameWhoseFirstAddressRefuses) {
    run([] {
        auto listener = tcp_listener::listen("127.0.0.1:0");
        const std::string port = std::to_string(listener.local_endpoint().port());
        auto stream = tcp_stream::connect("localhost:" + port);
        EXPECT_EQ(stream.remote_endpoint(), listener.local_endpoint());
        listener.close();
        EXPECT_EQ(
            failure_of([&] { tcp_stream::connect("localhost:" + port); }), std::errc::connection_refused);
    });
}

} // namespace
} // namespace weft::net
