// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/shape_benchmark.hpp"

namespace {

void spawn_join_batch(benchmark::State& state) {
    bench::run_shape(state, weft_peer::spawn_join_batch, "ns", {.count = 10'000, .repeats = 10});
}
BENCHMARK(spawn_join_batch)->Apply(bench::on_1_and_2_workers)->Iterations(5);

void spawn_join_one(benchmark::State& state) {
    bench::run_shape(state, weft_peer::spawn_join_one, "ns", {.count = 100'000});
}
BENCHMARK(spawn_join_one)->Apply(bench::on_1_and_2_workers)->Iterations(5);

} // namespace

BENCHMARK_MAIN();
