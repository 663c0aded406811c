// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/shape_benchmark.hpp"

namespace {

void parked(benchmark::State& state) {
    bench::run_shape(state, weft_peer::parked, "create_ns", {.count = 100'000});
}
BENCHMARK(parked)->Apply(bench::on_1_and_2_workers)->Iterations(2);

} // namespace

BENCHMARK_MAIN();
