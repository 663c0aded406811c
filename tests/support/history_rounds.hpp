// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/crew.hpp"
#include "support/fibers_test.hpp"
#include "support/linearizability.hpp"

#include <weft/cancel.hpp>
#include <weft/fiber.hpp>
#include <weft/run.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <random>
#include <string>
#include <tuple>
#include <utility>

// Many short histories of few actors that do random operations on one object at the same time, each to be checked against a
// sequential model. The seed of a round fixes what each actor attempts, not how the attempts meet.
namespace weft::test {

using dice = std::minstd_rand;

inline dice dice_from(unsigned seed) {
    dice random(seed);
    random.discard(8); // else seeds that are close give first numbers that are close
    return random;
}

inline std::chrono::nanoseconds short_time(dice& random) {
    using namespace std::chrono_literals;
    static constexpr std::chrono::nanoseconds times[] = {-1ns, 0ns, 1us, 10us, 100us};
    return times[random() % std::size(times)];
}

using history_setting = std::tuple<unsigned, crew_of>; // workers, actors

class history_rounds : public ::testing::TestWithParam<history_setting> {
protected:
    crew_of kind() const { return std::get<1>(GetParam()); }

    // A round gives the verdict on its history.
    template <class Round>
    void every_round_is_explained(Round round) {
        weft::run(
            [&] {
                for (unsigned seed = 1; seed <= rounds; ++seed)
                    ASSERT_TRUE(round(seed)) << "the round with seed " << seed;
            },
            {.workers = std::get<0>(GetParam())});
    }

    void TearDown() override {
        EXPECT_EQ(living_fibers(), 0U);
        EXPECT_EQ(used_control_blocks(), 0U);
    }

private:
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    static constexpr unsigned rounds = 100;
#elif defined(__clang__)
    static constexpr unsigned rounds =
        __has_feature(thread_sanitizer) || __has_feature(address_sanitizer) ? 100 : 500;
#else
    static constexpr unsigned rounds = 500;
#endif
};

inline auto history_settings() {
    return ::testing::Combine(
        all_worker_counts(), ::testing::Values(crew_of::fibers, crew_of::threads, crew_of::both));
}

inline std::string name_of_history_setting(const ::testing::TestParamInfo<history_setting>& info) {
    return std::to_string(std::get<0>(info.param)) + "_workers_" + name_of(std::get<1>(info.param));
}

// One round: four actors, and the main fiber as a fifth, which sees to it that the others end.
template <class Operation>
class history_round {
public:
    static constexpr std::size_t actors = 4;
    static constexpr std::size_t main_actor = actors;
    static constexpr int operations = 6; // of each actor

    explicit history_round(crew_of kind) : log_(actors + 1), crew_(kind) {}

    // The next actor, which does `turn(dice)` six times, or until it is cancelled.
    template <class Turn>
    void start(unsigned seed, Turn turn) {
        crew_.start([this, random = dice_from(seed * 97 + ++started_), turn]() mutable {
            ready_.fetch_add(1, std::memory_order_relaxed);
            try {
                wait_until([this] { return ready_.load(std::memory_order_relaxed) == actors; });
                for (int n = 0; n < operations; ++n) {
                    if (random() % 4 == 0) yield();
                    turn(random);
                    progress_.fetch_add(1, std::memory_order_relaxed);
                }
            } catch (const cancelled&) {
                EXPECT_TRUE(cancelling_.load()) << "nobody was to be cancelled";
            }
        });
    }

    // Records what `call` did, which gives the outcome, or throws `cancelled`.
    template <class Call>
    void record(std::size_t actor, Operation operation, Call call) {
        bool was_cancelled = false;
        log_.record(actor, operation, [&](Operation& entry) {
            try {
                entry.is = call(entry);
            } catch (const cancelled&) {
                entry.is = decltype(entry.is)::cancelled;
                was_cancelled = true;
            }
        });
        if (was_cancelled) throw cancelled();
    }

    // --- for the main fiber

    // In one of four rounds: cancels a fiber somewhere in the midst of it.
    void sometimes_cancel_one(dice& random) {
        if (!crew_.has_fibers() || random() % 4 != 0) return;
        watch(static_cast<int>(random() % 12));
        cancelling_.store(true);
        crew_.cancel(random());
    }

    // Waits until so many operations are over, or nobody seems to get on any more, at so many looks.
    void watch(int until, int patience = 40) {
        wait_until([this] { return ready_.load(std::memory_order_relaxed) == actors; });
        int seen = -1;
        for (int idle = 0; idle < patience && !all_ended();) {
            const int now = progress_.load(std::memory_order_relaxed);
            if (now >= until) return;
            idle = now == seen ? idle + 1 : 0;
            seen = now;
            if (idle % 8 != 7)
                yield();
            else
                sleep(std::chrono::microseconds(50));
        }
    }

    bool all_ended() const { return crew_.all_ended(); }
    void join() { crew_.join(); }
    history<Operation> seen() const { return log_.all(); }

private:
    recorder<Operation> log_;
    unsigned started_ = 0;
    std::atomic<std::size_t> ready_{0};
    std::atomic<int> progress_{0};
    std::atomic<bool> cancelling_{false};
    crew crew_;
};

} // namespace weft::test
