// SPDX-License-Identifier: BSL-1.0
//
// A batch with at most 100 items in work at a time: parallel_map, whose results come in the order of the
// items. If one throws, the others are cancelled, and its exception leaves the call.
//
//   build/release/examples/patterns/process_batch
#include <weft/run.hpp>
#include <weft/sync.hpp>
#include <weft/task_group.hpp>

#include <cstdio>
#include <numeric>
#include <vector>

constexpr int most_at_a_time = 100;

// Each item waits until 100 are in work: with fewer at a time, none would ever be done.
int process_item(int item, weft::barrier<>& all_busy) {
    all_busy.arrive_and_wait();
    return item * item;
}

std::vector<int> process_batch(const std::vector<int>& items) {
    weft::barrier all_busy(most_at_a_time);
    return weft::parallel_map(items, most_at_a_time, [&](int item) { return process_item(item, all_busy); });
}

int main() {
    weft::run([] {
        std::vector<int> items(1000);
        std::iota(items.begin(), items.end(), 0);
        const std::vector<int> results = process_batch(items);
        std::printf("%zu results, %d at a time\n", results.size(), most_at_a_time);
        std::printf("the first %d, the last %d\n", results.front(), results.back());
    });
}
