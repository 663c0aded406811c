// SPDX-License-Identifier: BSL-1.0
//
// Go Tour, concurrency/6, default selection: the case `otherwise` happens if no other case is ready, so
// that select does not wait. A ticker and a timer send what they have to say over channels.
//
//   build/release/examples/tour/default_selection
#include <weft/run.hpp>
#include <weft/select.hpp>
#include <weft/time.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

int main() {
    weft::run([] {
        const auto start = weft::clock::now();
        const auto say = [start](const char* what) {
            const auto elapsed = std::chrono::round<std::chrono::milliseconds>(weft::clock::now() - start);
            std::printf("[%4dms] %s\n", static_cast<int>(elapsed.count()), what);
        };
        const auto doze = [say] {
            say("    .");
            weft::sleep(50ms);
        };
        const weft::receiver<weft::tick> ticks = weft::ticker(100ms).receiver();
        const weft::receiver<weft::tick> boom = weft::after(500ms);
        bool going = true;
        while (going) {
            weft::select( //
                weft::on_recv(ticks, [&](auto) { say("tick."); }),
                weft::on_recv(boom, [&](auto) { going = false; }), //
                weft::otherwise(doze));
        }
        say("BOOM!");
    });
}
