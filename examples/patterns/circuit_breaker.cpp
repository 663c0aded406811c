// SPDX-License-Identifier: BSL-1.0
//
// A service that fails is left alone for a while: after three failures in a row calls throw circuit_open at
// once, without reaching it. When that time is over, one call is let through to try it; here the time is
// longer than the program.
//
//   build/release/examples/patterns/circuit_breaker
#include <weft/resilience.hpp>
#include <weft/run.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>

using namespace std::chrono_literals;

int main() {
    weft::run([] {
        int reached = 0;
        const auto failing_service = [&]() -> int {
            ++reached;
            throw std::runtime_error("out of order");
        };
        weft::circuit_breaker breaker{{.failures = 3, .open_for = 1h}};
        for (int call = 1; call <= 5; ++call) {
            try {
                breaker.call(failing_service);
            } catch (const weft::circuit_open&) {
                std::printf("call %d: not tried\n", call);
            } catch (const std::runtime_error& error) {
                std::printf("call %d: %s\n", call, error.what());
            }
        }
        std::printf("the service was called %d times\n", reached);
    });
}
