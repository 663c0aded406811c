// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/shape_benchmark.hpp"

namespace {

void yield(benchmark::State& state) { bench::run_shape(state, weft_peer::yield, "ns", {.count = 500'000}); }
BENCHMARK(yield)->Apply(bench::on_1_and_2_workers)->Iterations(5);

} // namespace

BENCHMARK_MAIN();
