// SPDX-License-Identifier: BSL-1.0
#include "net/running_server.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <span>
#include <string>
#include <vector>

namespace weft::net {
namespace {

using namespace std::chrono_literals;
using test::bytes;
using test::failure_of;
using test::read_exact_text;
using test::read_text;
using test::running;
using test::until;

constexpr std::size_t slow_ones = 500;
constexpr std::size_t request_size = 1000;

using Slowloris = test::network;
INSTANTIATE_TEST_SUITE_P(Workers, Slowloris, test::all_worker_counts(), test::workers_name);

// Connections that send a byte of their request now and then, or none, hold nobody up; and those who do so for longer than they
// may are cut off, while others are served.
TEST_P(Slowloris, HealthyClientIsServedAndTheSlowOnesAreCut) {
    run([] {
        std::atomic<bool> cutting{false};
        std::atomic<std::size_t> cut{0};
        std::atomic<std::size_t> received{0};
        const auto handle = [&](tcp_stream stream) {
            std::array<std::byte, request_size> request;
            for (;;) {
                std::size_t have = 0;
                while (have != request.size()) {
                    if (cutting) stream.set_idle_timeout(1ms);
                    const std::size_t size = stream.read_some(std::span(request).subspan(have));
                    if (size == 0) return;
                    have += size;
                    received += size;
                }
                stream.write_all(request);
            }
        };
        const auto on_error = [&](const std::exception_ptr& error) {
            EXPECT_EQ(failure_of([&] { std::rethrow_exception(error); }), errc::deadline_exceeded);
            ++cut;
        };
        running srv({.idle_timeout = 24h, .on_error = on_error}, handle);

        std::vector<tcp_stream> slow;
        for (std::size_t i = 0; i < slow_ones; ++i) slow.push_back(srv.connect());
        auto healthy = srv.connect();
        until([&] { return srv->statistics().active == slow_ones + 1; });
        const std::string request(request_size, 'r');
        for (std::size_t i = 0; i < slow_ones; ++i) {
            if (i % 2 == 0) slow[i].write_all(bytes("s")); // the others never say anything
            healthy.write_all(bytes(request));
            EXPECT_EQ(read_exact_text(healthy, request_size), request);
        }
        EXPECT_EQ(srv->statistics().active, slow_ones + 1) << "all of them were open all the time";
        healthy.close();
        until([&] { return srv->statistics().active == slow_ones; });
        until([&] { return received == slow_ones * request_size + slow_ones / 2; });

        // The byte that makes each handler wait anew is the last one.
        cutting = true;
        for (tcp_stream& each : slow) each.write_all(bytes("s"));
        for (tcp_stream& each : slow) EXPECT_EQ(read_text(each, 1), "");
        until([&] { return srv->statistics().active == 0; });
        EXPECT_EQ(cut, slow_ones);
        EXPECT_EQ(srv->statistics().failed, slow_ones);
        cutting = false;
        auto next = srv.connect();
        next.write_all(bytes(request));
        EXPECT_EQ(read_exact_text(next, request_size), request);
        srv->shutdown(0s);
        srv.join();
    });
}

} // namespace
} // namespace weft::net
