// SPDX-License-Identifier: BSL-1.0
//
// Load for an echo server: a fiber for each connection sends a message, awaits it, and sends the next, for
// some seconds. Prints how many were answered and how long that took; SIGINT and SIGTERM end it early.
//
//   build/release/examples/echo_load --port 7000 --connections 50 --seconds 5
#include "support.hpp"

#include <weft/net.hpp>
#include <weft/run.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <utility>
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
    for (std::uint64_t n = 0; result.failure.empty(); ++n) {
        std::memcpy(sent.data(), &n, std::min(size, sizeof n));
        const auto start = weft::clock::now();
        std::error_code ec;
        server.write_all(sent, ec);
        if (!ec) server.read_exactly(received, ec);
        if (ec == net::errc::deadline_exceeded) break;
        if (ec)
            result.failure = "the server went away: " + ec.message();
        else if (received != sent)
            result.failure = "the server did not send back what it got";
        else
            result.times.push_back(weft::clock::now() - start);
    }
    return result;
}

struct measurement {
    std::vector<outcome> outcomes;
    nanoseconds elapsed;
};

measurement load(const std::string& server, unsigned connections, nanoseconds duration, unsigned size) {
    std::vector<net::tcp_stream> streams;
    streams.reserve(connections);
    for (unsigned i = 0; i < connections; ++i) streams.push_back(net::tcp_stream::connect(server));
    const auto start = weft::clock::now();
    const auto end_all = [&](weft::clock::time_point when) {
        for (net::tcp_stream& each : streams) each.set_deadline(when);
    };
    end_all(start + duration);
    const on_stop_signal stop([&] { end_all(weft::clock::now()); });

    std::vector<weft::fiber<outcome>> fibers;
    fibers.reserve(connections);
    for (net::tcp_stream& each : streams)
        fibers.push_back(weft::go([&each, size] { return ping_pong(each, size); }));
    measurement result;
    result.outcomes.reserve(connections);
    for (auto& each : fibers) result.outcomes.push_back(each.join());
    result.elapsed = weft::clock::now() - start;
    for (net::tcp_stream& each : streams) {
        each.close();
        weft::yield(); // closing thousands takes a while, in which others may run
    }
    return result;
}

void print(const measurement& of) {
    std::vector<nanoseconds> times;
    for (const outcome& each : of.outcomes) {
        if (!each.failure.empty()) throw std::runtime_error(each.failure);
        times.insert(times.end(), each.times.begin(), each.times.end());
    }
    const double seconds = std::chrono::duration<double>(of.elapsed).count();
    std::printf("requests %zu\n", times.size());
    std::printf("requests/s %.0f\n", static_cast<double>(times.size()) / seconds);
    if (times.empty()) times.emplace_back(0);
    std::sort(times.begin(), times.end());
    for (const auto& [name, part] :
        {std::pair("p50", 0.5), std::pair("p99", 0.99), std::pair("p99.9", 0.999)}) {
        const auto rank = static_cast<std::size_t>(part * static_cast<double>(times.size() - 1));
        std::printf("%s %.1f us\n", name, std::chrono::duration<double, std::micro>(times[rank]).count());
    }
}

int main(int argc, char** argv) {
    const arguments given(
        argc, argv, {"--port", "--host", "--connections", "--seconds", "--size", "--workers"});
    const unsigned port = given.number("--port", 7000, 1, 65535);
    const std::string server = std::string(given.text("--host", "127.0.0.1")) + ":" + std::to_string(port);
    const unsigned connections = given.number("--connections", 50, 1, 1'000'000);
    const std::chrono::seconds duration(given.number("--seconds", 5, 1, 86400));
    const unsigned size = given.number("--size", 64, 1, 65536);
    const unsigned workers = given.number("--workers", 0, 0, 1024);
    try {
        print(weft::run([&] { return load(server, connections, duration, size); }, {.workers = workers}));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "echo_load: %s\n", error.what());
        return 1;
    }
    return 0;
}
