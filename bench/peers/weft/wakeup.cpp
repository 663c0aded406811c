// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/shapes.hpp"
#include "support/gate.hpp"
#include "support/measure.hpp"

#include <weft/run.hpp>

#include <atomic>

namespace weft_peer {

bench::figures wakeup(const bench::sizes& size) {
    const auto ping_pong = [&]() -> bench::figures {
        bench::gate ping, pong;
        std::atomic<std::size_t> returned{0};
        auto other = weft::go([&] {
            for (std::size_t turn = 1; turn <= size.count; ++turn) {
                ping.pass();
                returned.store(turn, std::memory_order_relaxed);
                pong.open_for_one();
            }
        });
        const bench::stopwatch watch;
        for (std::size_t turn = 1; turn <= size.count; ++turn) {
            ping.open_for_one();
            pong.pass();
            bench::check(returned.load(std::memory_order_relaxed) == turn, "turn that came back");
        }
        const auto elapsed = watch.elapsed();
        other.join();
        return {{"ns", bench::per_operation(elapsed, 2 * size.count)}};
    };
    return weft::run(ping_pong, {.workers = size.workers});
}

} // namespace weft_peer
