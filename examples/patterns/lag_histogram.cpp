// SPDX-License-Identifier: BSL-1.0
//
// The lag of the scheduler, as Node's monitorEventLoopDelay measures that of its event loop: a fiber sleeps
// until a time and notes by how much too late it goes on. A fiber that computes for long without a yield
// shows here - less than in Node, since other workers take over what it keeps waiting.
//
//   build/release/examples/patterns/lag_histogram
#include <weft/run.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

using namespace std::chrono_literals;

class lag_monitor {
public:
    void measure(int times, weft::clock::duration resolution) {
        for (weft::clock::time_point due = weft::clock::now() + resolution; times > 0; --times) {
            weft::sleep_until(due);
            const weft::clock::time_point awake = weft::clock::now();
            lags_.push_back(awake - due);
            due = awake + resolution;
        }
        std::sort(lags_.begin(), lags_.end());
    }
    std::size_t count() const { return lags_.size(); }
    // In microseconds. After measure().
    long percentile(std::size_t percent) const {
        const std::size_t at = std::min(lags_.size() * percent / 100, lags_.size() - 1);
        return static_cast<long>(std::chrono::duration_cast<std::chrono::microseconds>(lags_[at]).count());
    }

private:
    std::vector<weft::clock::duration> lags_;
};

int main() {
    weft::run([] {
        lag_monitor histogram;
        auto monitoring = weft::go([&] { histogram.measure(100, 1ms); });
        for (const auto end = weft::clock::now() + 5ms; weft::clock::now() < end;) {
        } // the fiber that computes
        monitoring.join();
        std::printf("%zu samples\n", histogram.count());
        std::printf("scheduler lag: p50=%ldus p99=%ldus max=%ldus\n", histogram.percentile(50),
            histogram.percentile(99), histogram.percentile(100));
    });
}
