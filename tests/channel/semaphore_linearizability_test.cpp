// SPDX-License-Identifier: BSL-1.0
#include "support/history_rounds.hpp"
#include "support/sequential_models.hpp"

#include <weft/sync.hpp>

#include <chrono>
#include <cstddef>
#include <vector>

namespace weft::test {
namespace {

using SemaphoreLinearizability = history_rounds;
INSTANTIATE_TEST_SUITE_P(Workers, SemaphoreLinearizability, history_settings(), name_of_history_setting);

class semaphore_actor {
public:
    using operation = semaphore_operation;

    semaphore_actor(history_round<operation>& in, std::size_t number, counting_semaphore& of)
        : in_(in),
          number_(number),
          semaphore_(of) {}

    void turn(dice& random, int most) {
        const auto time = short_time(random);
        const auto how = random() % 8;
        const int permits = 1 + static_cast<int>(random() % static_cast<unsigned>(most));
        if (how < 3)
            acquire(permits);
        else if (how == 3)
            try_acquire(permits);
        else if (how == 4)
            try_acquire_for(time, permits);
        else if (held_ != 0)
            release(1 + static_cast<int>(random() % static_cast<unsigned>(held_)));
    }

    void acquire(int permits) {
        in_.record(number_, {operation::acquire, "acquire", permits}, [&](const operation&) {
            semaphore_.acquire(permits);
            held_ += permits;
            return outcome::done;
        });
    }
    // Gives whether there were so many.
    bool try_acquire(int permits) {
        const int before = held_;
        in_.record(number_, {operation::try_acquire, "try_acquire", permits},
            [&](const operation&) { return counted(semaphore_.try_acquire(permits), permits); });
        return held_ != before;
    }
    void release(int permits) {
        in_.record(number_, {operation::release, "release", permits}, [&](const operation&) {
            semaphore_.release(permits);
            held_ -= permits;
            return outcome::done;
        });
    }
    int held() const { return held_; }

private:
    void try_acquire_for(std::chrono::nanoseconds time, int permits) {
        in_.record(number_, {operation::acquire, "try_acquire_for", permits},
            [&](const operation&) { return counted(semaphore_.try_acquire_for(time, permits), permits); });
    }
    outcome counted(bool acquired, int permits) {
        if (!acquired) return outcome::not_now;
        held_ += permits;
        return outcome::done;
    }

    history_round<operation>& in_;
    const std::size_t number_;
    counting_semaphore& semaphore_;
    int held_ = 0;
};

::testing::AssertionResult semaphore_round(crew_of kind, int most, unsigned seed) {
    dice random = dice_from(seed);
    const int initially = static_cast<int>(random() % 5);
    counting_semaphore all_share(initially);
    history_round<semaphore_operation> round(kind);
    std::vector<semaphore_actor> each;
    for (std::size_t i = 0; i <= round.main_actor; ++i) each.emplace_back(round, i, all_share);
    for (std::size_t i = 0; i < round.actors; ++i)
        round.start(seed, [&me = each[i], most](dice& own) { me.turn(own, most); });
    round.sometimes_cancel_one(random);

    // What keeps them from waiting for ever.
    semaphore_actor& me = each[round.main_actor];
    constexpr int never_so_many = 1000;
    for (;;) {
        round.watch(never_so_many, 16);
        if (round.all_ended()) break;
        me.release(1 + static_cast<int>(random() % 3));
    }
    round.join();
    int left = initially;
    for (const auto& one : each) left -= one.held();
    if (left != 0 && !me.try_acquire(left)) ADD_FAILURE() << left << " permits are missing";
    if (me.try_acquire(1)) ADD_FAILURE() << "there are more than " << left << " permits";
    return is_linearizable(with_queue(round.seen()), semaphore_model(initially));
}

TEST_P(SemaphoreLinearizability, OnePermitAtATime) {
    every_round_is_explained([&](unsigned seed) { return semaphore_round(kind(), 1, seed); });
}

TEST_P(SemaphoreLinearizability, SeveralPermitsAtATime) {
    every_round_is_explained([&](unsigned seed) { return semaphore_round(kind(), 3, seed); });
}

} // namespace
} // namespace weft::test
