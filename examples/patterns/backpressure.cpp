// SPDX-License-Identifier: BSL-1.0
//
// Backpressure: a producer faster than its consumer is held up by a channel of bounded capacity, so memory
// is bounded as well. send waits for room; who would rather drop than wait asks by try_send.
//
//   build/release/examples/patterns/backpressure
#include <weft/channel.hpp>
#include <weft/run.hpp>

#include <algorithm>
#include <cstdio>

constexpr std::size_t room = 3;

int main() {
    weft::run([] {
        const weft::channel<int> jobs(room);
        int sent = 0;
        while (jobs.try_send(sent) == weft::channel_status::ok) ++sent;
        std::printf("%d sent without waiting, the next one has to\n", sent);

        weft::go([=] {
            for (int i = sent; i < 1000; ++i) jobs.send(i);
            jobs.close();
        }).detach();
        int received = 0;
        std::size_t most = 0;
        for (const int job : jobs) {
            most = std::max(most, jobs.size());
            if (job != received++) std::puts("out of order");
        }
        std::printf("%d received, in order\n", received);
        std::puts(most <= room ? "never more than 3 lay in the channel" : "too many");
    });
}
