// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/shape_benchmark.hpp"

namespace {

void wakeup(benchmark::State& state) { bench::run_shape(state, weft_peer::wakeup, "ns", {.count = 200'000}); }
BENCHMARK(wakeup)->Apply(bench::on_1_and_2_workers)->Iterations(5);

} // namespace

BENCHMARK_MAIN();
