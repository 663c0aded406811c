// SPDX-License-Identifier: BSL-1.0
#include <weft/weft.hpp>

#include <chrono>

#include <benchmark/benchmark.h>

// What cancellation costs those who do not use it, and those who do: one send and one receive on a channel with room, which never
// wait, in no scope, in a token's, under a deadline; and what it costs to open and close these.
namespace {

using namespace std::chrono_literals;

void send_and_receive(benchmark::State& state, const weft::channel<int>& through) {
    for ([[maybe_unused]] auto each : state) {
        through.send(1);
        benchmark::DoNotOptimize(through.recv());
    }
}

void channel_in_no_scope(benchmark::State& state) {
    weft::run([&] { send_and_receive(state, weft::channel<int>(1)); }, {.workers = 1});
}
BENCHMARK(channel_in_no_scope);

void channel_in_a_scope(benchmark::State& state) {
    weft::run(
        [&] {
            const weft::cancel_source source;
            const weft::cancel_scope scope{source.token()};
            send_and_receive(state, weft::channel<int>(1));
        },
        {.workers = 1});
}
BENCHMARK(channel_in_a_scope);

void channel_under_a_deadline(benchmark::State& state) {
    weft::run([&] { weft::with_timeout(1h, [&] { send_and_receive(state, weft::channel<int>(1)); }); },
        {.workers = 1});
}
BENCHMARK(channel_under_a_deadline);

void open_a_scope(benchmark::State& state) {
    weft::run(
        [&] {
            const weft::cancel_source source;
            const weft::cancel_token token = source.token();
            for ([[maybe_unused]] auto each : state) const weft::cancel_scope scope{token};
        },
        {.workers = 1});
}
BENCHMARK(open_a_scope);

void open_a_timeout(benchmark::State& state) {
    weft::run(
        [&] {
            for ([[maybe_unused]] auto each : state) weft::with_timeout(1h, [] {});
        },
        {.workers = 1});
}
BENCHMARK(open_a_timeout);

void open_a_shield(benchmark::State& state) {
    weft::run(
        [&] {
            for ([[maybe_unused]] auto each : state) weft::shield([] {});
        },
        {.workers = 1});
}
BENCHMARK(open_a_shield);

void task_of_a_group(benchmark::State& state) {
    weft::run(
        [&] {
            weft::task_group group;
            for ([[maybe_unused]] auto each : state) {
                group.go([] {});
                group.wait();
            }
        },
        {.workers = 1});
}
BENCHMARK(task_of_a_group);

void blocking_round_trip(benchmark::State& state) {
    weft::run(
        [&] {
            for ([[maybe_unused]] auto each : state) weft::blocking([] {});
        },
        {.workers = 1});
}
BENCHMARK(blocking_round_trip)->UseRealTime();

} // namespace

BENCHMARK_MAIN();
