// SPDX-License-Identifier: BSL-1.0
//
// Ten thousand items at once, but only a hundred in work: a semaphore that each enters by a permit. It may
// be shared by whoever uses the same service; where the limit is that of one call alone,
// parallel_for(items, 100, process) does it.
//
//   build/release/examples/patterns/concurrency_limit
#include <weft/run.hpp>
#include <weft/sync.hpp>
#include <weft/task_group.hpp>

#include <atomic>
#include <cstdio>

constexpr int items = 10'000;
constexpr int most_at_a_time = 100;

// Counts those inside.
class busy_service {
public:
    void process() {
        const int inside = ++inside_;
        for (int most = most_; inside > most && !most_.compare_exchange_weak(most, inside);) {}
        weft::yield();
        --inside_;
        ++processed_;
    }
    int most_inside() const { return most_; }
    int processed() const { return processed_; }

private:
    std::atomic<int> inside_ = 0;
    std::atomic<int> most_ = 0;
    std::atomic<int> processed_ = 0;
};

void process_all(busy_service& service) {
    weft::counting_semaphore places(most_at_a_time);
    weft::task_group group;
    for (int i = 0; i < items; ++i)
        group.go([&] {
            const weft::permit place(places);
            service.process();
        });
    group.wait();
}

int main() {
    weft::run([] {
        busy_service service;
        process_all(service);
        std::printf("%d processed\n", service.processed());
        std::puts(
            service.most_inside() <= most_at_a_time ? "never more than a hundred at a time" : "too many");
    });
}
