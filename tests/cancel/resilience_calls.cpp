// SPDX-License-Identifier: BSL-1.0
#include "cancel/blocking_calls.hpp"

#include <weft/weft.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>

namespace weft::test {
namespace {

using namespace std::chrono_literals;

template <class T, class Call>
std::function<void()> with(Call call) {
    return [of = std::make_shared<T>(), call] { call(*of); };
}

struct one_token_a_year {
    rate_limiter limiter{{.rate = 1.0 / (365 * 24 * 3600), .burst = 1}};
    one_token_a_year() { limiter.acquire(); }
};

struct pool_of_one {
    pool<int> things{{.max = 1, .make = [] { return 1; }}};
    pool<int>::lease lent = things.acquire();
};

// A key whose flight another fiber leads.
struct flight_under_way {
    singleflight<int, int> flights;
    const channel<unit> release{0};
    fiber<void> leader;
    flight_under_way() {
        const channel<unit> begun(0);
        leader = go([this, begun] {
            shield([&] {
                flights.run(1, [&] {
                    begun.close();
                    release.recv();
                    return 1;
                });
            });
        });
        shield([&] { begun.recv(); });
    }
    ~flight_under_way() {
        release.close();
        shield([&] { leader.join(); });
    }
};

} // namespace

std::vector<blocking_call> resilience_calls() {
    return {
        {"retry",
            [] {
                return [] {
                    retry({.attempts = 2, .base = 24h, .max = 24h, .jitter = jitter::none},
                        [] { throw std::runtime_error("not yet"); });
                };
            }},
        {"rate_limiter_acquire",
            [] { return with<one_token_a_year>([](auto& of) { of.limiter.acquire(); }); }},
        {"rate_limiter_try_acquire_for",
            [] {
                return with<one_token_a_year>(
                    [](auto& of) { static_cast<void>(of.limiter.try_acquire_for(366 * 24h)); });
            }},
        {"pool_acquire", [] { return with<pool_of_one>([](auto& of) { of.things.acquire(); }); }},
        {"pool_try_acquire_for",
            [] {
                return with<pool_of_one>([](auto& of) { static_cast<void>(of.things.try_acquire_for(24h)); });
            }},
        {"singleflight_run",
            [] { return with<flight_under_way>([](auto& of) { of.flights.run(1, [] { return 2; }); }); }},
    };
}

} // namespace weft::test
