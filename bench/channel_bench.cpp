// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/shape_benchmark.hpp"

namespace {

using bench::capacity_of;
using bench::payload_kind;

void chan_seq(benchmark::State& state) {
    bench::run_shape(state, weft_peer::chan_seq, "ns", {.count = 1'000'000, .capacity = capacity_of(state)});
}
BENCHMARK(chan_seq)->Apply(bench::on_1_and_2_workers_with_capacity<128>)->Iterations(5);

void chan_pingpong(benchmark::State& state) {
    bench::run_shape(state, weft_peer::chan_pingpong, "ns", {.count = 200'000});
}
BENCHMARK(chan_pingpong)->Apply(bench::on_1_and_2_workers)->Iterations(5);

void chan_spsc(benchmark::State& state, payload_kind payload) {
    bench::run_shape(state, weft_peer::chan_spsc, "ns",
        {.count = 500'000, .capacity = capacity_of(state), .payload = payload});
}
BENCHMARK_CAPTURE(chan_spsc, int, payload_kind::number)
    ->Apply(bench::on_1_and_2_workers_with_capacity<0, 1, 128, -1>)
    ->Iterations(5);
BENCHMARK_CAPTURE(chan_spsc, 64, payload_kind::block)
    ->Apply(bench::on_1_and_2_workers_with_capacity<128>)
    ->Iterations(5);
BENCHMARK_CAPTURE(chan_spsc, unique, payload_kind::unique)
    ->Apply(bench::on_1_and_2_workers_with_capacity<128>)
    ->Iterations(5);

void chan_mpsc(benchmark::State& state) {
    bench::run_shape(state, weft_peer::chan_mpsc, "ns", {.count = 500'000, .capacity = capacity_of(state)});
}
BENCHMARK(chan_mpsc)->Apply(bench::on_1_and_2_workers_with_capacity<0, 1, 128, -1>)->Iterations(5);

void chan_mpmc(benchmark::State& state) {
    bench::run_shape(state, weft_peer::chan_mpmc, "ns", {.count = 500'000, .capacity = capacity_of(state)});
}
BENCHMARK(chan_mpmc)->Apply(bench::on_1_and_2_workers_with_capacity<0, 1, 128, -1>)->Iterations(5);

void skynet_channels(benchmark::State& state) {
    bench::run_shape(state, weft_peer::skynet_channels, "ms", {.count = 100'000});
}
BENCHMARK(skynet_channels)->Apply(bench::on_1_and_2_workers)->Iterations(5)->Unit(benchmark::kMillisecond);

void sieve(benchmark::State& state) { bench::run_shape(state, weft_peer::sieve, "ms", {.count = 1'000}); }
BENCHMARK(sieve)->Apply(bench::on_1_and_2_workers)->Iterations(5)->Unit(benchmark::kMillisecond);

} // namespace

BENCHMARK_MAIN();
