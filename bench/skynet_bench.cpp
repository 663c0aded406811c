// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/shape_benchmark.hpp"

namespace {

void skynet(benchmark::State& state) { bench::run_shape(state, weft_peer::skynet, "ms", {.count = 100'000}); }
BENCHMARK(skynet)->Apply(bench::on_1_and_2_workers)->Iterations(5)->Unit(benchmark::kMillisecond);

} // namespace

BENCHMARK_MAIN();
