// SPDX-License-Identifier: BSL-1.0
#include "support/shape_benchmark.hpp"

#include <weft/net.hpp>
#include <weft/weft.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <limits>
#include <thread>
#include <vector>

#include <sys/socket.h>

// What 500 slow connections do to those who are not: the 99th percentile of a healthy client's exchanges of 1000 bytes with a
// net::server, beside none and beside 500 of which every other one sends a byte of its request twice in a second, and the rest
// nothing at all. Rounds of both in turn, the best of each; `ratio` is to stay below 2. The server has a runtime of its own, with so
// many workers; the healthy client has one with a single worker, and a plain thread sends for the slow ones.
namespace {

using namespace std::chrono_literals;
namespace net = weft::net;

constexpr std::size_t request_size = 1000;
constexpr std::size_t slow_ones = 500;
constexpr std::size_t exchanges = 20'000;
constexpr int rounds = 10;

void answer(net::tcp_stream peer) {
    std::array<std::byte, request_size> request;
    std::error_code ec;
    while (peer.read_exactly(request, ec) == request.size() && !ec) peer.write_all(request, ec);
}

double p99_us(net::tcp_stream& server) {
    std::vector<std::byte> request(request_size);
    std::vector<std::byte> reply(request_size);
    std::vector<std::int64_t> samples(exchanges);
    for (std::size_t i = 0; i < exchanges; ++i) {
        request.front() = static_cast<std::byte>(i);
        const bench::stopwatch time;
        server.write_all(request);
        server.read_exactly(reply);
        samples[i] = time.elapsed().count();
        bench::check(reply == request, "what came back");
    }
    return bench::percentile(samples, 0.99) / 1000;
}

class slow_connections {
public:
    explicit slow_connections(const net::endpoint& to) {
        for (std::size_t i = 0; i < slow_ones; ++i) streams_.push_back(net::tcp_stream::connect(to));
        sender_ = std::thread([this] { send(); });
    }
    ~slow_connections() {
        over_ = true;
        sender_.join();
    }
    slow_connections(const slow_connections&) = delete;
    slow_connections& operator=(const slow_connections&) = delete;

private:
    void send() const {
        for (std::size_t i = 0; !over_; i = (i + 2) % slow_ones) {
            std::this_thread::sleep_for(2ms);
            bench::check(
                ::send(streams_[i].native_handle(), "", 1, MSG_NOSIGNAL) == 1, "a byte that was sent");
        }
    }

    std::vector<net::tcp_stream> streams_;
    std::atomic<bool> over_{false};
    std::thread sender_;
};

struct percentiles {
    double baseline = std::numeric_limits<double>::max();
    double beside_slow_ones = std::numeric_limits<double>::max();
};

percentiles ask(net::server& server, const net::endpoint& address) {
    percentiles best;
    auto healthy = net::tcp_stream::connect(address);
    static_cast<void>(p99_us(healthy)); // warms up
    for (int round = 0; round < rounds; ++round) {
        best.baseline = std::min(best.baseline, p99_us(healthy));
        {
            const slow_connections slow(address);
            while (server.statistics().active != slow_ones + 1) weft::yield();
            best.beside_slow_ones = std::min(best.beside_slow_ones, p99_us(healthy));
            bench::check(server.statistics().active == slow_ones + 1, "connections that are open");
        }
        while (server.statistics().active != 1) weft::yield();
    }
    return best;
}

percentiles measure(unsigned workers) {
    net::server server({.idle_timeout = 24h});
    std::promise<net::endpoint> address;
    std::thread serving([&] {
        weft::run(
            [&] {
                auto listener = net::tcp_listener::listen("127.0.0.1:0");
                address.set_value(listener.local_endpoint());
                server.serve(listener, answer);
            },
            {.workers = workers});
    });
    const percentiles found = weft::run(
        [&] {
            const percentiles result = ask(server, address.get_future().get());
            server.shutdown(0s);
            return result;
        },
        {.workers = 1});
    serving.join();
    return found;
}

void slowloris(benchmark::State& state) {
    for ([[maybe_unused]] auto each : state) {
        const percentiles found = measure(static_cast<unsigned>(state.range(0)));
        state.SetIterationTime(found.beside_slow_ones / 1e6);
        state.counters["baseline_p99_us"] = found.baseline;
        state.counters["p99_us"] = found.beside_slow_ones;
        state.counters["ratio"] = found.beside_slow_ones / found.baseline;
    }
}
BENCHMARK(slowloris)->Apply(bench::on_1_and_2_workers)->Iterations(1);

} // namespace

BENCHMARK_MAIN();
