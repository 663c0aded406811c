// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/measure.hpp"
#include "support/peer_program.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

// The shapes of peers/weft as Google Benchmark programs: each iteration runs the whole shape, which measures
// itself and checks its result, so that the figures are those of bench/run_peers.
namespace bench {

inline double seconds_in(std::string_view metric) {
    if (metric.ends_with("ns")) return 1e-9;
    if (metric.ends_with("us")) return 1e-6;
    if (metric.ends_with("ms")) return 1e-3;
    fail("not a time");
}

// The time of an iteration is the metric called `time`; the shape's other metrics become counters.
inline void run_shape(
    benchmark::State& state, figures (*shape)(const sizes&), std::string_view time, sizes size) {
    size.workers = static_cast<unsigned>(state.range(0));
    std::map<std::string, double> sums;
    for ([[maybe_unused]] auto _ : state)
        for (const auto& [metric, value] : shape(size))
            if (metric == time)
                state.SetIterationTime(value * seconds_in(metric));
            else
                sums[metric] += value;
    for (const auto& [metric, sum] : sums)
        state.counters[metric] = sum / static_cast<double>(state.iterations());
}

// Runs it with 1 and with 2 workers; the CPU time shown is the process's, of all that an iteration does.
inline void on_1_and_2_workers(benchmark::internal::Benchmark* of) {
    of->ArgName("workers")->Arg(1)->Arg(2)->UseManualTime()->MeasureProcessCPUTime();
}

// The same with channels of each of the capacities; -1: unbounded.
template <std::int64_t... Capacities>
void on_1_and_2_workers_with_capacity(benchmark::internal::Benchmark* of) {
    of->ArgNames({"workers", "capacity"})
        ->ArgsProduct({{1, 2}, {Capacities...}})
        ->UseManualTime()
        ->MeasureProcessCPUTime();
}
inline std::size_t capacity_of(const benchmark::State& state) {
    return state.range(1) < 0 ? unbounded : static_cast<std::size_t>(state.range(1));
}

} // namespace bench
