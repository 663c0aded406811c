// SPDX-License-Identifier: BSL-1.0
//
// A call that blocks its thread or computes for long - a library that knows nothing of fibers - goes to a
// helper thread: blocking() parks the fiber meanwhile, and gives the result. What weft itself offers needs
// none of it.
//
//   build/release/examples/patterns/run_in_executor
#include <weft/blocking.hpp>
#include <weft/run.hpp>
#include <weft/sync.hpp>

#include <condition_variable>
#include <cstdio>
#include <mutex>

// Blocks the thread that calls it until it is told to go on.
class foreign_library {
public:
    int heavy_computation(int data) {
        std::unique_lock guard(mutex_);
        told_.wait(guard, [&] { return go_on_; });
        return data * data;
    }
    void go_on() {
        const std::scoped_lock guard(mutex_);
        go_on_ = true;
        told_.notify_one();
    }

private:
    std::mutex mutex_;
    std::condition_variable told_;
    bool go_on_ = false;
};

int main() {
    const auto program = [] {
        foreign_library library;
        weft::fiber<int> result =
            weft::go([&] { return weft::blocking([&] { return library.heavy_computation(12); }); });
        weft::go([] { std::puts("other fibers run on the only worker"); }).join();
        library.go_on();
        std::printf("the result: %d\n", result.join());
    };
    weft::run(program, {.workers = 1});
}
