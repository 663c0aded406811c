// SPDX-License-Identifier: BSL-1.0
//
// A pool of workers: three fibers take jobs from one channel and send results to another. Closing the jobs
// sends the workers home, and when the last has gone, the results are closed. They come in any order, so
// the numbers travel along.
//
//   build/release/examples/worker_pool
#include <weft/channel.hpp>
#include <weft/run.hpp>
#include <weft/sync.hpp>

#include <cstdio>
#include <map>

// How often halving an even number and taking 3n + 1 of an odd one leads to 1.
int collatz_steps(int number) {
    int steps = 0;
    for (; number != 1; ++steps) number = number % 2 == 0 ? number / 2 : 3 * number + 1;
    return steps;
}

struct result {
    int number;
    int steps;
};

int main() {
    weft::run([] {
        const weft::channel<int> jobs(4);
        const weft::channel<result> results(4);
        weft::wait_group workers;
        for (int i = 0; i < 3; ++i)
            workers.go([=] {
                for (const int number : jobs) results.send({number, collatz_steps(number)});
            });
        weft::go([=] {
            for (int number = 1; number <= 9; ++number) jobs.send(number);
            jobs.close();
        }).detach();
        weft::go([&workers, results] {
            workers.wait();
            results.close();
        }).detach();

        std::map<int, int> steps_of;
        for (const result& each : results) steps_of[each.number] = each.steps;
        for (const auto& [number, steps] : steps_of) std::printf("%d: %d steps\n", number, steps);
    });
}
