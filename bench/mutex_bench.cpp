// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/shape_benchmark.hpp"

namespace {

void mutex_uncontended(benchmark::State& state) {
    bench::run_shape(state, weft_peer::mutex_uncontended, "ns", {.count = 5'000'000});
}
BENCHMARK(mutex_uncontended)->Apply(bench::on_1_and_2_workers)->Iterations(5);

void mutex_contended(benchmark::State& state) {
    bench::run_shape(state, weft_peer::mutex_contended, "ns", {.count = 2'000'000});
}
BENCHMARK(mutex_contended)->Apply(bench::on_1_and_2_workers)->Iterations(5);

} // namespace

BENCHMARK_MAIN();
