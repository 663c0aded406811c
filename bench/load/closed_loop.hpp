// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/measure.hpp"
#include "support/peer_program.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/epoll.h>
#include <unistd.h>

// Clients that each send a request, await the answer and send the next, for some seconds. A thread has a share of them and an
// epoll, which costs no more than the leanest server does: what the clients need is not there for the server.
namespace load {

using time_point = std::chrono::steady_clock::time_point;

inline void watch(int epoll, int fd, std::uint64_t client) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = client;
    bench::checked(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

// A Client is made of its number, its thread's epoll - where it has its descriptor watched under that number - and the sizes. Its
// ask() sends a request; its answered(), called when there is something to read, says whether the answer is complete.
template <class Client>
class thread_of_clients {
public:
    thread_of_clients(bench::share numbers, const bench::sizes& size) : first_(numbers.begin) {
        clients_.reserve(numbers.end - numbers.begin);
        for (std::size_t i = numbers.begin; i < numbers.end; ++i) clients_.emplace_back(i, epoll_, size);
        began_.resize(clients_.size());
    }
    thread_of_clients(const thread_of_clients&) = delete;
    thread_of_clients& operator=(const thread_of_clients&) = delete;
    ~thread_of_clients() { close(epoll_); }

    // Nanoseconds from each request to its answer, of those answered until then.
    std::vector<std::int64_t> run_until(time_point end) {
        std::vector<std::int64_t> times;
        for (std::size_t i = 0; i < clients_.size(); ++i) ask(i);
        epoll_event events[256];
        for (std::size_t asking = clients_.size(); asking > 0;) {
            const int ready = epoll_wait(epoll_, events, std::size(events), patience_ms);
            if (ready == 0) bench::fail(std::to_string(asking) + " requests were not answered");
            for (int i = 0; i < ready; ++i) {
                const std::size_t client = events[i].data.u64 - first_;
                if (!clients_[client].answered()) continue;
                const time_point now = std::chrono::steady_clock::now();
                if (now < end) {
                    times.push_back((now - began_[client]).count());
                    ask(client);
                } else
                    --asking;
            }
        }
        return times;
    }

private:
    static constexpr int patience_ms = 3000;

    void ask(std::size_t client) {
        began_[client] = std::chrono::steady_clock::now();
        clients_[client].ask();
    }

    std::size_t first_;
    int epoll_ = bench::checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    std::vector<Client> clients_;
    std::vector<time_point> began_;
};

template <class Client>
bench::figures closed_loop(const char* rate, const bench::sizes& size) {
    std::vector<std::vector<std::int64_t>> times(size.workers);
    std::vector<std::unique_ptr<thread_of_clients<Client>>> shares(size.workers);
    for (std::size_t i = 0; i < shares.size(); ++i)
        shares[i] = std::make_unique<thread_of_clients<Client>>(
            bench::share(size.connections, size.workers, i), size);

    const auto cpu_before = bench::cpu_time_of(size.server);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(size.seconds);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < shares.size(); ++i)
        threads.emplace_back([&, i] { times[i] = shares[i]->run_until(end); });
    for (std::thread& each : threads) each.join();
    const auto cpu = bench::cpu_time_of(size.server) - cpu_before;

    std::vector<std::int64_t> all;
    for (const auto& some : times) all.insert(all.end(), some.begin(), some.end());
    bench::check(!all.empty(), "no request was answered");
    return {{rate, static_cast<double>(all.size()) / static_cast<double>(size.seconds)},
        {"p50_us", bench::percentile(all, 0.5) / 1e3}, {"p99_us", bench::percentile(all, 0.99) / 1e3},
        {"p99.9_us", bench::percentile(all, 0.999) / 1e3},
        {"server_cpu_us", bench::per_operation(cpu, all.size()) / 1e3}};
}

} // namespace load
