// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/shape_benchmark.hpp"

namespace {

void select2(benchmark::State& state) {
    bench::run_shape(
        state, weft_peer::select2, "ns", {.count = 500'000, .capacity = bench::capacity_of(state)});
}
BENCHMARK(select2)->Apply(bench::on_1_and_2_workers_with_capacity<0, 128>)->Iterations(5);

void select4(benchmark::State& state) {
    bench::run_shape(
        state, weft_peer::select4, "ns", {.count = 500'000, .capacity = bench::capacity_of(state)});
}
BENCHMARK(select4)->Apply(bench::on_1_and_2_workers_with_capacity<0, 128>)->Iterations(5);

} // namespace

BENCHMARK_MAIN();
