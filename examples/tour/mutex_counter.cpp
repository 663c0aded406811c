// SPDX-License-Identifier: BSL-1.0
//
// Go Tour, concurrency/9, sync.Mutex: a thousand fibers count up, one at a time. A fiber that waits for a
// weft::mutex parks, and its thread runs others. Go's program sleeps for a second before it looks at the
// count; this one waits for the fibers.
//
//   build/release/examples/tour/mutex_counter
#include <weft/run.hpp>
#include <weft/sync.hpp>

#include <cstdio>
#include <map>
#include <mutex>
#include <string>

class safe_counter {
public:
    void increment(const std::string& key) {
        const std::scoped_lock guard(mutex_);
        ++counts_[key];
    }
    int value(const std::string& key) {
        const std::scoped_lock guard(mutex_);
        return counts_[key];
    }

private:
    weft::mutex mutex_;
    std::map<std::string, int> counts_;
};

int main() {
    weft::run([] {
        safe_counter counter;
        weft::wait_group counting;
        for (int i = 0; i < 1000; ++i) counting.go([&] { counter.increment("somekey"); });
        counting.wait();
        std::printf("%d\n", counter.value("somekey"));
    });
}
