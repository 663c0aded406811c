// SPDX-License-Identifier: BSL-1.0
//
// Cleaning up when cancelled: catch, clean up, throw on. Whoever is cancelled can wait for nothing any
// more, so clean-up that has to wait is put in a shield. What destructors do needs no catch:
// resource_guard.
//
//   build/release/examples/patterns/cancellation_cleanup
#include <weft/cancel.hpp>
#include <weft/channel.hpp>
#include <weft/run.hpp>
#include <weft/sync.hpp>

#include <cstdio>

void long_running_operation(const weft::channel<weft::unit>& begun) {
    begun.send({});
    weft::latch(1).wait(); // for ever
}

void cleanup() {
    weft::yield(); // a blocking call as any: outside the shield it would throw
    std::puts("cleaned up");
}

void cancellable_task(const weft::channel<weft::unit>& begun) {
    try {
        long_running_operation(begun);
    } catch (const weft::cancelled&) {
        std::puts("cancelled");
        weft::shield(cleanup);
        throw;
    }
}

int main() {
    weft::run([] {
        const weft::channel<weft::unit> begun(0);
        weft::fiber<void> task = weft::go([&] { cancellable_task(begun); });
        begun.recv();
        task.cancel();
        try {
            task.join();
        } catch (const weft::cancelled&) {
            std::puts("the task ended by its cancellation");
        }
    });
}
