// SPDX-License-Identifier: BSL-1.0
//
// Load for an echo server: a fiber for each connection sends a message, awaits it, and sends the next, for
// some seconds. Prints how many requests were answered and how long they took; SIGINT and SIGTERM end it
// early.
//
//   build/release/examples/echo_load --port 7000 --connections 50 --seconds 5
#include "support.hpp"

#include <weft/net.hpp>
#include <weft/run.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

namespace net = weft::net;
using nanoseconds = std::chrono::nanoseconds;

struct outcome {
    std::vector<nanoseconds> times;
    std::string failure;
};

// Until the stream's deadline passes.
outcome ping_pong(net::tcp_stream& server, std::size_t size) {
    outcome result;
    std::vector<std::byte> sent(size);
    std::vector<std::byte> received(size);
    for (std::uint64_t n = 0;; ++n) {
        for (std::size_t i = 0; i < std::min(size, sizeof n); ++i)
            sent[i] = static_cast<std::byte>(n >> 8 * i);
        const auto start = weft::clock::now();
        std::error_code ec;
        server.write_all(sent, ec);
        if (!ec) server.read_exactly(received, ec);
        if (ec == net::errc::deadline_exceeded) return result;
        if (ec) result.failure = ec.message();
        if (!ec && received != sent) result.failure = "what came back is not what was sent";
        if (!result.failure.empty()) return result;
        result.times.push_back(weft::clock::now() - start);
    }
}

void print(std::vector<nanoseconds>& times, nanoseconds elapsed) {
    std::printf("requests %zu\n", times.size());
    std::printf("requests/s %.0f\n",
        static_cast<double>(times.size()) / std::chrono::duration<double>(elapsed).count());
    const auto percentile = [&](const char* name, double part) {
        if (times.empty()) times.emplace_back(0);
        const auto rank = static_cast<std::size_t>(part * static_cast<double>(times.size() - 1));
        const auto at = times.begin() + static_cast<std::ptrdiff_t>(rank);
        std::nth_element(times.begin(), at, times.end());
        std::printf("%s %.1f us\n", name, std::chrono::duration<double, std::micro>(*at).count());
    };
    percentile("p50", 0.5);
    percentile("p99", 0.99);
    percentile("p99.9", 0.999);
}

int main(int argc, char** argv) {
    const arguments given(
        argc, argv, {"--port", "--host", "--connections", "--seconds", "--size", "--workers"});
    const std::string server = std::string(given.text("--host", "127.0.0.1")) + ":" +
        std::to_string(given.number("--port", 7000, 1, 65535));
    const unsigned connections = given.number("--connections", 50, 1, 1'000'000);
    const std::chrono::seconds duration(given.number("--seconds", 5, 1, 86400));
    const unsigned size = given.number("--size", 64, 1, 65536);
    const unsigned workers = given.number("--workers", 0, 0, 1024);
    const int signals = stop_signals();
    try {
        return weft::run(
            [&] {
                std::vector<net::tcp_stream> streams;
                for (unsigned i = 0; i < connections; ++i)
                    streams.push_back(net::tcp_stream::connect(server));
                const auto end_all = [&](auto when) {
                    for (net::tcp_stream& each : streams) each.set_deadline(when);
                };
                const auto start = weft::clock::now();
                end_all(start + duration);
                const on_stop_signal stop(signals, [&] { end_all(weft::clock::now()); });

                std::vector<weft::fiber<outcome>> fibers;
                for (net::tcp_stream& each : streams)
                    fibers.push_back(weft::go([&each, size] { return ping_pong(each, size); }));
                outcome all;
                for (auto& each : fibers) {
                    outcome one = each.join();
                    all.times.insert(all.times.end(), one.times.begin(), one.times.end());
                    if (!one.failure.empty()) all.failure = one.failure;
                }
                if (!all.failure.empty())
                    throw std::runtime_error("the server at " + server + ": " + all.failure);
                print(all.times, weft::clock::now() - start);
                return 0;
            },
            {.workers = workers});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "echo_load: %s\n", error.what());
        return 1;
    }
}
