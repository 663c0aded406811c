// SPDX-License-Identifier: BSL-1.0
//
// Again, with longer and longer pauses: the first result counts; the last failure leaves the call. The
// pauses are cancellation points, and a cancellation is never retried.
//
//   build/release/examples/patterns/retry
#include <weft/resilience.hpp>
#include <weft/run.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

// Fails so many times before it answers.
class flaky_service {
public:
    explicit flaky_service(int failures) : failures_(failures) {}
    std::string fetch() {
        std::printf("attempt %d\n", ++calls_);
        if (calls_ <= failures_) throw std::runtime_error("no connection");
        return "data";
    }

private:
    int failures_;
    int calls_ = 0;
};

void try_it(flaky_service service) {
    try {
        std::puts(weft::retry({.attempts = 3, .base = 1ms}, [&] { return service.fetch(); }).c_str());
    } catch (const std::runtime_error& error) {
        std::printf("given up: %s\n", error.what());
    }
}

int main() {
    weft::run([] {
        try_it(flaky_service(2));
        try_it(flaky_service(3));
    });
}
