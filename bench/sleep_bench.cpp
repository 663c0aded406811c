// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/shape_benchmark.hpp"

namespace {

void sleep(benchmark::State& state) {
    bench::run_shape(state, weft_peer::sleep, "p99_us",
        {.count = 10'000, .repeats = 3, .min_us = 10'000, .max_us = 100'000});
}
BENCHMARK(sleep)->Apply(bench::on_1_and_2_workers)->Iterations(3)->Unit(benchmark::kMicrosecond);

} // namespace

BENCHMARK_MAIN();
