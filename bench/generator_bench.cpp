// SPDX-License-Identifier: BSL-1.0
#include <weft/generator.hpp>
#include <weft/run.hpp>

#include <benchmark/benchmark.h>

// Nanoseconds an element; of begun_and_destroyed, a generator.
namespace {

weft::generator<int> numbers() {
    return [](auto& yield) {
        for (int i = 0;; ++i) yield(i);
    };
}

void step(benchmark::State& state) {
    weft::generator<int> g = numbers();
    auto at = g.begin();
    for (auto _ : state) {
        benchmark::DoNotOptimize(*at);
        ++at;
    }
}

void step_on_a_thread(benchmark::State& state) { step(state); }
BENCHMARK(step_on_a_thread);

void step_in_a_fiber(benchmark::State& state) {
    weft::run([&] { step(state); }, {.workers = 1});
}
BENCHMARK(step_in_a_fiber);

void begun_and_destroyed(benchmark::State& state) {
    for (auto _ : state) {
        weft::generator<int> g = numbers();
        benchmark::DoNotOptimize(*g.begin());
    }
}
BENCHMARK(begun_and_destroyed);

} // namespace

BENCHMARK_MAIN();
