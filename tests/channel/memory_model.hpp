// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/crew.hpp"
#include "support/fibers_test.hpp"

#include <weft/run.hpp>
#include <weft/waiting/waiter.hpp>

#include <atomic>
#include <cstddef>
#include <ostream>
#include <string>
#include <thread>
#include <tuple>

#include <unistd.h>

// weft's memory model as two tables of small programs.
//
// Ordered programs share plain data and rely on an edge that the model promises: each has to give the right result and, under
// ThreadSanitizer, to be silent. They run on fibers, on threads and on both.
//
// Racy programs rely on an edge that the model does not promise: ThreadSanitizer has to report each. They run on threads, since
// fibers that share a worker are ordered by it. The two accesses are put in order by marks, which give no edge, so that the
// report does not depend on luck. Without ThreadSanitizer they are not run.
namespace weft::test {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool has_race_detector = true;
#elif defined(__clang__)
inline constexpr bool has_race_detector = __has_feature(thread_sanitizer);
#else
inline constexpr bool has_race_detector = false;
#endif

// Shared data without any order of its own. Volatile, so that a read whose result nobody wants is one all the same. Alone in its eight
// bytes, of which ThreadSanitizer remembers no more than the last four accesses.
class alignas(8) plain {
public:
    void set(int value) { value_ = value; }
    int get() const { return value_; }
    void add(int value) { value_ = value_ + value; }

private:
    volatile int value_ = 0;
};

// Order in time without an edge: relaxed, and so nothing that a race detector counts.
class mark {
public:
    void set() { set_.store(true, std::memory_order_relaxed); }
    void wait() const {
        while (!set_.load(std::memory_order_relaxed)) std::this_thread::yield();
    }

private:
    std::atomic<bool> set_{false};
};

// --- ordered programs

struct ordered_program {
    const char* name;
    void (*run)(crew_of);
};
inline void PrintTo(const ordered_program& one, std::ostream* out) { *out << one.name; }

using crew_setting = std::tuple<unsigned, crew_of>; // workers, actors

class ordered : public ::testing::TestWithParam<std::tuple<ordered_program, crew_setting>> {
protected:
    void silent_and_right() {
        const auto run_program = std::get<ordered_program>(GetParam()).run;
        const auto [workers, kind] = std::get<crew_setting>(GetParam());
        weft::run(
            [run_program, actors_are = kind] {
                for (int i = 0; i < repetitions; ++i) run_program(actors_are);
            },
            {.workers = workers});
    }
    // Those that plain threads have started are in the default runtime, where a fiber may be joined before it is quite gone.
    void TearDown() override {
        while (living_fibers() != 0 || used_control_blocks() != 0) yield();
    }

private:
    static constexpr int repetitions = has_race_detector ? 20 : 100;
};

inline auto crew_settings() {
    return ::testing::Values(crew_setting(1, crew_of::fibers), crew_setting(4, crew_of::fibers),
        crew_setting(1, crew_of::threads), crew_setting(2, crew_of::both));
}

inline std::string name_of_ordered(const ::testing::TestParamInfo<ordered::ParamType>& info) {
    const auto& [program, setting] = info.param;
    return std::string(program.name) + "_" + std::to_string(std::get<0>(setting)) + "_workers_" +
        name_of(std::get<1>(setting));
}

// Each on a fiber or thread of its own, until all have ended.
template <class... Actors>
void together(crew_of kind, Actors... actor) {
    crew all(kind);
    (all.start(actor), ...);
    all.join();
}

// --- racy programs

struct racy_program {
    const char* name;
    void (*run)();
};
inline void PrintTo(const racy_program& one, std::ostream* out) { *out << one.name; }

class racy : public ::testing::TestWithParam<racy_program> {
protected:
    void SetUp() override {
        if (!has_race_detector) GTEST_SKIP() << "there is no race detector to report it";
        GTEST_FLAG_SET(death_test_style, "threadsafe");
    }
    void reported() {
        constexpr int exit_code_of_the_detector = 66;
        EXPECT_EXIT((GetParam().run(), ::_exit(0)), ::testing::ExitedWithCode(exit_code_of_the_detector),
            "data race");
    }
};

inline std::string name_of_racy(const ::testing::TestParamInfo<racy_program>& info) {
    return info.param.name;
}

// Each on a thread of its own. The waiters that weft has for threads come from one list, and a thread takes one at its first call and
// gives it back at its end: edges that no program shall have by chance. So all take theirs before any begins, and none ends before
// all are at their ends.
template <class... Actors>
void on_threads(Actors... actor) {
    std::atomic<std::size_t> to_begin{sizeof...(actor)};
    std::atomic<std::size_t> to_end{sizeof...(actor)};
    const auto meet = [](std::atomic<std::size_t>& missing) {
        missing.fetch_sub(1, std::memory_order_relaxed);
        while (missing.load(std::memory_order_relaxed) != 0) std::this_thread::yield();
    };
    const auto body = [&](auto run) {
        return [&, run] {
            this_waiter();
            meet(to_begin);
            run();
            meet(to_end);
        };
    };
    std::thread all[] = {std::thread(body(actor))...};
    for (auto& one : all) one.join();
}

} // namespace weft::test
