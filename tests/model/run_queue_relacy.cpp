// SPDX-License-Identifier: BSL-1.0
#include "scheduler/run_queue.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <ostream>

#include <gtest/gtest.h>

// Relacy redefines words of the language and of the library; what comes after it gets them back.
#include <relacy/relacy.hpp>
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef errno
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst

// The run queue under the C++11 memory model, as Relacy simulates it: loads may give old values where nothing
// forbids it, weak compare_exchange fails without cause, and access to a fiber that is not ordered behind what
// its owner wrote is an error. Random schedules; all of them, sequentially consistent, are tried by
// run_queue_model.cpp.
//
// Relacy does not reorder a store before a load in front of it, so it cannot tell what the release of [Q2] is
// for. It replaces operator new and delete and switches stacks without telling anybody: not for sanitizer
// builds.
namespace weft::model {
namespace {

// `Weakened` counts as relaxed.
template <class T, std::memory_order Weakened>
class relacy_atomic {
public:
    relacy_atomic(T value = T()) { value_.store(value, rl::mo_relaxed, RL_INFO); }

    T load(std::memory_order order) const noexcept { return value_.load(relacy(order), RL_INFO); }
    void store(T value, std::memory_order order) noexcept { value_.store(value, relacy(order), RL_INFO); }
    T exchange(T value, std::memory_order order) noexcept {
        return value_.rmw(rl::rmw_type_t<rl::rmw_type_swap>(), value, relacy(order), RL_INFO);
    }
    bool compare_exchange_weak(
        T& expected, T desired, std::memory_order done, std::memory_order failed) noexcept {
        return value_.compare_exchange(
            rl::bool_t<true>(), expected, desired, relacy(done), relacy(failed), RL_INFO);
    }
    bool compare_exchange_strong(
        T& expected, T desired, std::memory_order done, std::memory_order failed) noexcept {
        return value_.compare_exchange(
            rl::bool_t<false>(), expected, desired, relacy(done), relacy(failed), RL_INFO);
    }

private:
    static rl::memory_order relacy(std::memory_order order) noexcept {
        if (order == Weakened) return rl::mo_relaxed;
        switch (order) {
        case std::memory_order::acquire: return rl::mo_acquire;
        case std::memory_order::release: return rl::mo_release;
        case std::memory_order::acq_rel: return rl::mo_acq_rel;
        case std::memory_order::seq_cst: return rl::mo_seq_cst;
        default: return rl::mo_relaxed;
        }
    }

    rl::atomic<T> value_;
};

template <std::memory_order Weakened>
struct weakened {
    template <class T>
    using atomic = relacy_atomic<T, Weakened>;
};

struct ball {
    rl::var<int> content;
    rl::var<int> taken;
};

// Both full fences: Relacy knows no membarrier.
struct full_fences {
    template <class Flag>
    static void store_then_light(Flag& flag, bool value) noexcept {
        flag.store(value, std::memory_order::seq_cst);
    }
    static void heavy() noexcept {}
    template <class Flag>
    static void wait_while(const Flag& flag) noexcept {
        while (flag.load(std::memory_order::acquire)) rl::yield(1, RL_INFO);
    }
};

// An owner, a thief, and one that steals from both.
template <std::memory_order Weakened>
struct ring : rl::test_suite<ring<Weakened>, 3> {
    using queue = basic_run_queue<ball, 2, weakened<Weakened>::template atomic, full_fences>;
    static constexpr int count = 5;

    void before() {
        for (unsigned i = 0; i < 3; ++i) std::construct_at(&queue_of(i), ~std::uint32_t{1});
        for (ball& each : balls) each.content(RL_INFO) = 0, each.taken(RL_INFO) = 0;
    }
    void thread(unsigned me) {
        if (me == 0) {
            for (int i = 0; i < count; ++i) {
                balls[i].content(RL_INFO) = i + 1;
                if (i == 2) {
                    if (ball* displaced = queue_of(0).set_next(&balls[i])) take(displaced);
                } else if (!queue_of(0).push(&balls[i], false)) {
                    queue_of(0).take_half(take);
                    take(&balls[i]);
                }
                if (i % 2 == 1) take(queue_of(0).pop());
            }
            take(queue_of(0).take_next());
            return;
        }
        for (int i = 0; i < 2; ++i) {
            take(queue_of(0).steal(queue_of(me)));
            take(queue_of(0).steal_next());
            if (me == 2) take(queue_of(1).steal(queue_of(2)));
            take(queue_of(me).pop());
        }
    }
    void after() {
        for (unsigned i = 0; i < 3; ++i) {
            take(queue_of(i).take_next());
            while (ball* found = queue_of(i).pop()) take(found);
            std::destroy_at(&queue_of(i));
        }
        for (ball& each : balls) RL_ASSERT(each.taken(RL_INFO) == 1);
    }

    queue& queue_of(unsigned index) { return *reinterpret_cast<queue*>(&memory[index * sizeof(queue)]); }
    static void take(ball* found) {
        if (found == nullptr) return;
        RL_ASSERT(found->content(RL_INFO) != 0);
        found->taken(RL_INFO) = found->taken(RL_INFO) + 1;
    }

    // Not members: Relacy destroys what a schedule that failed has left in its own way.
    alignas(queue) std::byte memory[3 * sizeof(queue)];
    std::array<ball, count> balls;
};

template <std::memory_order Weakened>
bool holds() {
    rl::test_params parameters;
    parameters.search_type = rl::random_scheduler_type;
    parameters.iteration_count = 200'000;
    std::ostream quiet(nullptr);
    parameters.output_stream = &quiet;
    parameters.progress_stream = &quiet;
    return rl::simulate<ring<Weakened>>(parameters);
}

TEST(RunQueueRelacy, FibersArriveOnceAndComplete) { EXPECT_TRUE(holds<std::memory_order::relaxed>()); }

TEST(RunQueueRelacy, FindsThatAPairIsBroken) {
    EXPECT_FALSE(holds<std::memory_order::acquire>());
    EXPECT_FALSE(holds<std::memory_order::release>());
    EXPECT_FALSE(holds<std::memory_order::seq_cst>());
}

} // namespace
} // namespace weft::model
