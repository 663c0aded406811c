// SPDX-License-Identifier: BSL-1.0
#include "peers/weft/channel_kind.hpp"
#include "peers/weft/shapes.hpp"
#include "support/measure.hpp"
#include "support/payload.hpp"

#include <weft/run.hpp>

namespace weft_peer {

bench::figures chan_seq(const bench::sizes& size) {
    const auto send_and_receive = [&]() -> bench::figures {
        const auto items = channel_of<int>(size.capacity);
        std::size_t sum = 0;
        const bench::stopwatch watch;
        for (std::size_t i = 0; i < size.count; ++i) {
            items.send(bench::item_of<int>(i));
            sum += bench::number_of(items.recv().value());
        }
        const auto elapsed = watch.elapsed();
        bench::check_item_sum(sum, size.count);
        return {{"ns", bench::per_operation(elapsed, size.count)}};
    };
    return weft::run(send_and_receive, {.workers = size.workers});
}

bench::figures chan_pingpong(const bench::sizes& size) {
    const auto ping_pong = [&]() -> bench::figures {
        const weft::channel<int> ping(0), pong(0);
        auto other = weft::go([ping, pong] {
            while (const auto turn = ping.recv()) pong.send(*turn);
        });
        const bench::stopwatch watch;
        for (std::size_t turn = 0; turn < size.count; ++turn) {
            ping.send(bench::item_of<int>(turn));
            bench::check(bench::number_of(pong.recv().value()) == turn, "turn that came back");
        }
        const auto elapsed = watch.elapsed();
        ping.close();
        other.join();
        return {{"ns", bench::per_operation(elapsed, size.count)}};
    };
    return weft::run(ping_pong, {.workers = size.workers});
}

} // namespace weft_peer
