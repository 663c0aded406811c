// SPDX-License-Identifier: BSL-1.0
#include "model/atomic.hpp"

#include <weft/waiting/waiter_word.hpp>

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace weft::model {
namespace {

// What may be done otherwise than weft does it.
struct as_it_is {
    template <class T>
    using word_atomic = atomic<T>;
    static constexpr bool commit_looks_at_woken = true;
    static constexpr bool commit_looks_at_request = true;
    static constexpr bool cancel_writes_first = true;
    static constexpr bool claims_name_their_wait = true;
};

enum class cancellation { none, of_the_owner, of_a_shielded_owner };

// A fiber waits `Waits` times. Each claimer tries to end each wait, as soon as it has begun or later. The
// fiber leaves another worker each time, because it may go on elsewhere before the one that it left has
// finished commit.
//
// The word is weft's own; restated around it: worker::commit_park, scope_stack::interrupt and waiter::wake.
template <class Variant, unsigned Waits, unsigned Claimers, cancellation Cancellation>
class waiter_program {
public:
    static constexpr unsigned threads = 1 + Waits + Claimers + (Cancellation == cancellation::none ? 0 : 1);

    void thread(unsigned me) {
        if (me == 0)
            wait_often();
        else if (me <= Waits)
            commit(me);
        else if (me <= Waits + Claimers)
            claim_each(me);
        else
            cancel();
    }
    void end() {
        if (Claimers > 0 || Cancellation == cancellation::of_the_owner)
            require(waited_.peek() == Waits, "never scheduled");
        else
            require(waited_.peek() == 0, "cancelled although shielded");
    }

private:
    using word_type = basic_waiter_word<Variant::template word_atomic>;
    static constexpr bool shielded = Cancellation == cancellation::of_a_shielded_owner;

    void wait_often() {
        for (unsigned wait = 1; wait <= Waits; ++wait) {
            word_.arm();
            published_.store(wait);
            saved_.store(wait);
            if (!wait_until([&] { return scheduled_.peek() == wait; })) return;
            require((word_.word() & word_type::claimed) != 0, "goes on unclaimed");
            const wake_cause cause = word_.cause();
            require(cause == ended_by_[wait].peek(), "goes on by another cause than the one that claimed");
            if (cause != wake_cause::cancelled)
                require(wait_meant_by(cause) == wait, "ended by who meant another wait");
            waited_.poke(wait);
        }
    }
    void commit(unsigned wait) {
        if (!wait_until([&] { return saved_.peek() >= wait; })) return;
        const std::uint64_t before = word_.commit_saved(shielded);
        if ((before & word_type::woken) != 0) {
            if (Variant::commit_looks_at_woken) schedule();
        } else if ((before & word_type::claimed) == 0 && !shielded && Variant::commit_looks_at_request &&
            cancel_requested_.load() && claim(word_type::epoch_of(before), wake_cause::cancelled)) {
            schedule();
        }
    }
    void claim_each(unsigned me) {
        for (unsigned wait = 1; wait <= Waits; ++wait) {
            if (!wait_until([&] { return published_.peek() >= wait; })) return;
            const wait_epoch epoch =
                Variant::claims_name_their_wait ? wait : word_type::epoch_of(word_.word());
            if (claim(epoch, cause_meant(me, wait))) wake();
        }
    }
    void cancel() {
        std::uint64_t word = 0;
        if (!Variant::cancel_writes_first) word = word_.word();
        cancel_requested_.store(true);
        if (Variant::cancel_writes_first) word = word_.word();
        constexpr std::uint64_t parked = word_type::armed | word_type::saved;
        if ((word & (parked | word_type::claimed | word_type::shielded)) == parked &&
            claim(word_type::epoch_of(word), wake_cause::cancelled))
            wake();
    }

    static wake_cause cause_meant(unsigned claimer, unsigned wait) {
        return static_cast<wake_cause>(claimer << 8 | wait);
    }
    static unsigned wait_meant_by(wake_cause cause) { return static_cast<unsigned>(cause) & 0xff; }

    bool claim(wait_epoch epoch, wake_cause cause) {
        if (!word_.claim(epoch, cause)) return false;
        ended_by_[epoch].poke(cause);
        return true;
    }
    void wake() {
        if (word_.set_woken()) schedule();
    }
    void schedule() {
        require(scheduled_.peek() < published_.peek(), "scheduled twice");
        require(scheduled_.peek() < saved_.peek(), "scheduled before it was saved");
        scheduled_.fetch_add(1);
    }

    word_type word_;
    atomic<bool> cancel_requested_;
    atomic<unsigned> published_, saved_, scheduled_, waited_;
    std::array<atomic<wake_cause>, Waits + 1> ended_by_;
};

template <unsigned Waits, unsigned Claimers, cancellation Cancellation = cancellation::none>
void expect_right() {
    const outcome found = explore<waiter_program<as_it_is, Waits, Claimers, Cancellation>>();
    EXPECT_EQ(found.failure, "") << Waits << " waits, " << Claimers << " claimers\n" << found.schedule;
}

TEST(WaiterModel, IsScheduledOnceAWait) {
    expect_right<1, 1>();
    expect_right<1, 3>();
    expect_right<2, 2>();
}

TEST(WaiterModel, IsScheduledOnceAWaitThoughCancelled) {
    expect_right<1, 0, cancellation::of_the_owner>();
    expect_right<3, 0, cancellation::of_the_owner>();
    expect_right<2, 1, cancellation::of_the_owner>();
    expect_right<1, 2, cancellation::of_the_owner>();
}

TEST(WaiterModel, ShieldedWaitIsNotCancelled) {
    expect_right<1, 0, cancellation::of_a_shielded_owner>();
    expect_right<2, 1, cancellation::of_a_shielded_owner>();
}

template <class Variant, unsigned Waits, unsigned Claimers, cancellation Cancellation = cancellation::none>
std::string failure_of() {
    return explore<waiter_program<Variant, Waits, Claimers, Cancellation>>().failure;
}

// --- planted bugs

struct commit_ignores_woken : as_it_is {
    static constexpr bool commit_looks_at_woken = false;
};
struct commit_ignores_the_request : as_it_is {
    static constexpr bool commit_looks_at_request = false;
};
struct cancel_reads_first : as_it_is {
    static constexpr bool cancel_writes_first = false;
};
struct claims_whatever_wait_it_finds : as_it_is {
    static constexpr bool claims_name_their_wait = false;
};

TEST(WaiterModel, FindsThatCommitIgnoresWoken) {
    EXPECT_EQ((failure_of<commit_ignores_woken, 1, 1>()), "never scheduled");
}

TEST(WaiterModel, FindsThatCommitIgnoresTheRequest) {
    EXPECT_EQ(
        (failure_of<commit_ignores_the_request, 1, 0, cancellation::of_the_owner>()), "never scheduled");
}

TEST(WaiterModel, FindsThatCancelReadsBeforeItWrites) {
    EXPECT_EQ((failure_of<cancel_reads_first, 1, 0, cancellation::of_the_owner>()), "never scheduled");
}

// Read-modify-writes that are a read, then a write.
template <class T>
struct torn_compare_exchange : atomic<T> {
    using atomic<T>::atomic;
    template <class... Orders>
    bool compare_exchange_weak(T& expected, T desired, Orders...) noexcept {
        const T wanted = std::exchange(expected, this->load());
        if (expected == wanted) this->store(desired);
        return expected == wanted;
    }
};
template <class T>
struct torn_or : atomic<T> {
    using atomic<T>::atomic;
    template <class... Orders>
    T fetch_or(T set, Orders...) noexcept {
        const T before = this->load();
        this->store(before | set);
        return before;
    }
};
struct claim_at_leisure : as_it_is {
    template <class T>
    using word_atomic = torn_compare_exchange<T>;
};
struct woken_at_leisure : as_it_is {
    template <class T>
    using word_atomic = torn_or<T>;
};

TEST(WaiterModel, FindsThatTwoClaimAtOnce) {
    EXPECT_EQ((failure_of<claim_at_leisure, 1, 2>()), "scheduled twice");
}

TEST(WaiterModel, FindsThatWokenAndSavedMissEachOther) {
    EXPECT_EQ((failure_of<woken_at_leisure, 1, 1>()), "never scheduled");
}

TEST(WaiterModel, FindsALateClaimOfTheNextWait) {
    EXPECT_EQ((failure_of<claims_whatever_wait_it_finds, 2, 2>()), "ended by who meant another wait");
}

} // namespace
} // namespace weft::model
