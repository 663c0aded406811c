// SPDX-License-Identifier: BSL-1.0
#include "model/atomic.hpp"

#include <weft/waiting/waiter_word.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace weft::model {
namespace {

// What may be done otherwise than weft does it.
struct as_it_is {
    static constexpr bool queues_under_all_locks = true;
    static constexpr bool arms_before_unlocking = true;
    static constexpr bool respects_claims = true;
    static constexpr bool withdraws = true;
};

// Who takes part: on which of two channels, and which way. One channel: a plain send or receive; both: a select.
struct party {
    unsigned channels; // bits
    bool sends;
};

// Parties on two rendezvous channels, and possibly a deadline of the first one. The word is weft's own; restated around it: the
// channel (give, take, the queues) and the engine of select. Each party waits at most once.
template <class Variant, class Parties>
class select_program {
public:
    static constexpr unsigned parties = static_cast<unsigned>(Parties::all.size());
    static constexpr unsigned threads = parties + (Parties::deadline ? 1 : 0);

    void thread(unsigned me) {
        if (me < parties)
            take_part(me);
        else if (wait_until([this] { return armed_[0].peek() == 1; }) &&
            words_[0].claim(1, wake_cause::deadline)) {
            over_[0].poke(1);
            woken_[0].store(1);
        }
    }
    void end() {
        unsigned sent = 0;
        unsigned received = 0;
        for (unsigned i = 0; i < parties; ++i) {
            require(happened_[i].peek() <= 1, "two cases of one select happened");
            (Parties::all[i].sends ? sent : received) += happened_[i].peek();
        }
        require(sent == received, "a value was lost or doubled");
        for (unsigned s = 0; s < parties; ++s)
            for (unsigned r = 0; r < parties; ++r)
                require(!waits(s) || !waits(r) || !Parties::all[s].sends || Parties::all[r].sends ||
                        (Parties::all[s].channels & Parties::all[r].channels) == 0,
                    "two wait for each other");
        for (const auto& queue : queues_)
            for (const node& each : queue) require(waits(each.owner), "who has gone on is still queued");
    }

private:
    using word_type = basic_waiter_word<atomic>;
    struct node {
        unsigned owner;
        bool sends;
    };

    bool waits(unsigned who) const { return happened_[who].peek() == 0 && over_[who].peek() == 0; }
    static bool uses(unsigned me, unsigned channel) {
        return (Parties::all[me].channels >> channel & 1) != 0;
    }

    void lock(unsigned me) {
        for (unsigned c = 0; c < 2; ++c)
            if (uses(me, c)) locks_[c].lock();
    }
    void unlock(unsigned me) {
        for (unsigned c = 0; c < 2; ++c)
            if (uses(me, c)) locks_[c].unlock();
    }
    void arm(unsigned me) {
        words_[me].arm();
        armed_[me].store(1);
    }
    void queue(unsigned me, unsigned channel) { queues_[channel].push_back({me, Parties::all[me].sends}); }

    static constexpr unsigned nobody = parties;

    // Under the channel's lock: with the first peer there that can be claimed, who is then to be woken.
    unsigned take(unsigned me, unsigned channel) {
        auto& queue = queues_[channel];
        while (true) {
            const auto at = std::find_if(queue.begin(), queue.end(),
                [&](const node& each) { return each.sends != Parties::all[me].sends; });
            if (at == queue.end()) return nobody;
            const unsigned peer = at->owner;
            queue.erase(at);
            if (!words_[peer].claim(1, static_cast<wake_cause>(channel)) && Variant::respects_claims)
                continue;
            happened_[peer].poke(happened_[peer].peek() + 1);
            happened_[me].poke(happened_[me].peek() + 1);
            return peer;
        }
    }

    // Gives the peer it met, or nobody: then it is queued.
    unsigned try_and_queue_at_once(unsigned me) {
        unsigned peer = nobody;
        lock(me);
        for (unsigned c = 0; c < 2 && peer == nobody; ++c)
            if (uses(me, c)) peer = take(me, c);
        if (peer == nobody) {
            if (Variant::arms_before_unlocking) arm(me);
            for (unsigned c = 0; c < 2; ++c)
                if (uses(me, c)) queue(me, c);
        }
        unlock(me);
        if (peer == nobody && !Variant::arms_before_unlocking) arm(me);
        return peer;
    }
    unsigned try_and_queue_one_by_one(unsigned me) {
        unsigned peer = nobody;
        arm(me);
        for (unsigned c = 0; c < 2 && peer == nobody; ++c) {
            if (!uses(me, c)) continue;
            locks_[c].lock();
            peer = take(me, c);
            if (peer == nobody) queue(me, c);
            locks_[c].unlock();
        }
        return peer;
    }

    void take_part(unsigned me) {
        const unsigned peer =
            Variant::queues_under_all_locks ? try_and_queue_at_once(me) : try_and_queue_one_by_one(me);
        if (peer != nobody) return woken_[peer].store(1);
        if (!wait_until([&] { return woken_[me].peek() == 1; })) return;
        const wake_cause cause = words_[me].cause();
        for (unsigned c = 0; c < 2; ++c) {
            if (!Variant::withdraws || !uses(me, c) || cause == static_cast<wake_cause>(c)) continue;
            locks_[c].lock();
            std::erase_if(queues_[c], [&](const node& each) { return each.owner == me; });
            locks_[c].unlock();
        }
    }

    std::array<word_type, parties> words_;
    std::array<spin_lock, 2> locks_;
    std::array<std::vector<node>, 2> queues_;
    std::array<atomic<unsigned>, parties> armed_, woken_, happened_, over_;
};

struct two_selects {
    static constexpr std::array<party, 2> all{{{0b11, false}, {0b11, true}}};
    static constexpr bool deadline = false;
};
struct two_selects_and_a_deadline {
    static constexpr std::array<party, 2> all{{{0b11, false}, {0b11, true}}};
    static constexpr bool deadline = true;
};
struct a_select_between_two_sends {
    static constexpr std::array<party, 3> all{{{0b11, false}, {0b01, true}, {0b10, true}}};
    static constexpr bool deadline = false;
};
struct a_select_with_a_deadline_between_two_sends {
    static constexpr std::array<party, 3> all{{{0b11, false}, {0b01, true}, {0b10, true}}};
    static constexpr bool deadline = true;
};
struct two_selects_and_a_send {
    static constexpr std::array<party, 3> all{{{0b11, false}, {0b11, false}, {0b10, true}}};
    static constexpr bool deadline = false;
};

template <class Parties>
void expect_right() {
    const outcome found = explore<select_program<as_it_is, Parties>>();
    EXPECT_EQ(found.failure, "") << found.schedule;
}

TEST(SelectModel, ExactlyOneCaseHappens) {
    expect_right<two_selects>();
    expect_right<a_select_between_two_sends>();
    expect_right<two_selects_and_a_send>();
}

TEST(SelectModel, ExactlyOneCaseHappensOrTheDeadline) {
    expect_right<two_selects_and_a_deadline>();
    expect_right<a_select_with_a_deadline_between_two_sends>();
}

template <class Variant, class Parties>
std::string failure_of() {
    return explore<select_program<Variant, Parties>>().failure;
}

// --- planted bugs

struct queues_one_by_one : as_it_is {
    static constexpr bool queues_under_all_locks = false;
};
struct arms_late : as_it_is {
    static constexpr bool arms_before_unlocking = false;
};
struct ignores_claims : as_it_is {
    static constexpr bool respects_claims = false;
};
struct leaves_its_nodes : as_it_is {
    static constexpr bool withdraws = false;
};

TEST(SelectModel, FindsThatACaseIsQueuedWhileTheNextIsTried) {
    EXPECT_EQ(
        (failure_of<queues_one_by_one, a_select_between_two_sends>()), "two cases of one select happened");
}

TEST(SelectModel, FindsThatTheWaiterIsArmedTooLate) {
    EXPECT_EQ((failure_of<arms_late, two_selects>()), "two wait for each other");
}

TEST(SelectModel, FindsThatAClaimIsIgnored) {
    EXPECT_EQ((failure_of<ignores_claims, a_select_between_two_sends>()), "two cases of one select happened");
}

TEST(SelectModel, FindsThatNodesAreLeft) {
    EXPECT_EQ((failure_of<leaves_its_nodes, two_selects>()), "who has gone on is still queued");
}

} // namespace
} // namespace weft::model
