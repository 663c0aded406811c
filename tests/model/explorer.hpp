// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "model/stepper.hpp"

#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

// Runs a small concurrent program under every sequentially consistent interleaving of its accesses.
//
// A program is a class with `static constexpr unsigned threads`, `void thread(unsigned index)` and `void
// end()`, which is called when every thread has returned. explore() makes it anew for each schedule. Its
// threads stop before each access to a model::atomic (atomic.hpp), and the explorer chooses which goes on,
// depth first: a schedule repeats a prefix of the one before and differs in the last choice that has an
// alternative left.
//
// States met before are not explored again, which loses nothing and makes the search end. A state is what all
// atomics hold and what each thread has read so far. Hence the rule for programs: whatever else their threads
// share is guarded by a model::spin_lock, or follows from what each thread has read (a count to which all
// add, a log of each thread's own). A loop that reads until something changes never ends here; threads wait
// with wait_until() instead.
//
// Not seen: what weaker memory orders allow, and compare_exchange_weak that fails without cause.
namespace weft::model {

struct outcome {
    std::string failure;  // what did not hold in some schedule; empty: it holds in all of them
    std::string schedule; // that one, a line an access
    std::size_t schedules = 0;
    std::size_t states = 0;
};

class explorer {
public:
    explicit explorer(unsigned threads) : stepper_(threads), threads_(threads) { now_ = this; }
    ~explorer() { now_ = nullptr; }
    explorer(const explorer&) = delete;
    explorer& operator=(const explorer&) = delete;

    static explorer& now() noexcept { return *now_; }

    template <class Program, class... Arguments>
    outcome explore(const Arguments&... arguments) {
        outcome result;
        do {
            words_.clear();
            Program program(arguments...);
            stepper_.set_body(
                [](void* of, unsigned index) { static_cast<Program*>(of)->thread(index); }, &program);
            run();
            program.end();
            ++result.schedules;
        } while (failure_.empty() && next_schedule());
        result.failure = failure_;
        result.schedule = schedule_.str();
        result.states = seen_.size();
        return result;
    }

    // --- for programs

    // False: nobody will ever make it hold; the thread has to return. `holds` may peek at atomics, but not
    // read them.
    template <class Predicate>
    bool wait_until(Predicate holds) {
        if (outside()) return true;
        threads_[stepper_.running()].waits_for = {
            &holds, [](const void* what) { return (*static_cast<const Predicate*>(what))(); }};
        stepper_.stop();
        threads_[stepper_.running()].waits_for = {};
        learn(over_);
        return !over_;
    }
    void forget(std::uint64_t locals, unsigned line) noexcept {
        threads_[stepper_.running()].history = mixed(mixed(stepper_.running(), line), locals);
    }
    void require(bool holds, const char* what) {
        if (holds || !failure_.empty()) return;
        failure_ = what;
        write_schedule();
        exploring_ = false;
    }

    // --- for atomics: words, by number

    std::size_t add_word(std::uint64_t value) {
        words_.push_back(value);
        return words_.size() - 1;
    }
    std::uint64_t peek(std::size_t word) const noexcept { return words_[word]; }
    // The end of the calling thread's step.
    void stop() {
        if (!outside()) stepper_.stop();
    }
    void learn(std::uint64_t value) noexcept {
        if (!outside()) threads_[stepper_.running()].history = mixed(history(), value);
    }
    std::uint64_t history() const noexcept { return outside() ? 0 : threads_[stepper_.running()].history; }
    void change(std::size_t word, const char* what, std::uint64_t value) {
        const std::uint64_t before = std::exchange(words_[word], value);
        if (!outside()) steps_.push_back({stepper_.running(), what, word, before, value});
    }

private:
    static constexpr std::size_t most_steps = 10'000;

    struct condition {
        const void* what = nullptr;
        bool (*holds)(const void* what) = nullptr;
    };
    struct modelled_thread {
        condition waits_for;
        std::uint64_t history = 0; // a digest of all that it has read
        bool alive = false;
    };
    struct choice {
        unsigned taken;
        unsigned untried; // a bit a thread
    };
    struct step {
        unsigned thread;
        const char* what;
        std::size_t word;
        std::uint64_t before, after;
    };

    bool outside() const noexcept { return stepper_.running() == stepper::nobody; }

    static std::uint64_t mixed(std::uint64_t sum, std::uint64_t value) noexcept {
        sum = (sum ^ value) + 0x9e3779b97f4a7c15;
        sum = (sum ^ sum >> 30) * 0xbf58476d1ce4e5b9;
        return (sum ^ sum >> 27) * 0x94d049bb133111eb;
    }
    std::uint64_t state() const noexcept {
        std::uint64_t sum = 0;
        for (const std::uint64_t word : words_) sum = mixed(sum, word);
        for (const modelled_thread& each : threads_) sum = mixed(sum, each.history);
        return sum;
    }

    void run() {
        steps_.clear();
        over_ = false;
        exploring_ = failure_.empty();
        depth_ = 0;
        for (unsigned i = 0; i < threads_.size(); ++i) {
            threads_[i].history = i;
            threads_[i].alive = stepper_.resume(i); // to its first access
        }
        for (unsigned last = 0;;) {
            const unsigned enabled = enabled_threads();
            if (enabled == 0) return;
            last = choose(enabled, last);
            threads_[last].alive = stepper_.resume(last);
            if (steps_.size() > most_steps) give_up();
        }
    }
    unsigned enabled_threads() {
        unsigned enabled = 0, alive = 0;
        for (unsigned i = 0; i < threads_.size(); ++i) {
            if (!threads_[i].alive) continue;
            alive |= 1U << i;
            const condition& until = threads_[i].waits_for;
            if (until.holds == nullptr || until.holds(until.what)) enabled |= 1U << i;
        }
        if (enabled == 0) over_ = true;
        return over_ ? alive : enabled;
    }
    unsigned choose(unsigned enabled, unsigned last) {
        const auto first =
            (enabled >> last & 1) != 0 ? last : static_cast<unsigned>(std::countr_zero(enabled));
        if (over_ || !exploring_) return first;
        if (depth_ == path_.size()) {
            exploring_ = seen_.insert(state()).second;
            if (!exploring_) return first;
            path_.push_back({first, enabled & ~(1U << first)});
        }
        return path_[depth_++].taken;
    }
    bool next_schedule() {
        for (; !path_.empty(); path_.pop_back()) {
            choice& last = path_.back();
            if (last.untried == 0) continue;
            last.taken = static_cast<unsigned>(std::countr_zero(last.untried));
            last.untried &= last.untried - 1;
            return true;
        }
        return false;
    }

    void write_schedule() {
        for (const step& each : steps_)
            schedule_ << "  thread " << each.thread << "  " << each.what << " #" << each.word << std::hex
                      << "  " << each.before << " -> " << each.after << std::dec << '\n';
    }
    [[noreturn]] void give_up() {
        write_schedule();
        std::fprintf(
            stderr, "model: a schedule of more than %zu steps\n%s", most_steps, schedule_.str().c_str());
        std::abort();
    }

    inline static explorer* now_ = nullptr;

    stepper stepper_;
    std::vector<modelled_thread> threads_;
    std::vector<std::uint64_t> words_;
    std::vector<choice> path_;
    std::size_t depth_ = 0;
    std::unordered_set<std::uint64_t> seen_;
    bool exploring_ = true; // else a run goes on, to its end, along the first schedule there is
    bool over_ = false;     // all that are left wait for what will never hold
    std::vector<step> steps_;
    std::string failure_;
    std::ostringstream schedule_;
};

template <class Program, class... Arguments>
outcome explore(const Arguments&... arguments) {
    explorer all(Program::threads);
    return all.explore<Program>(arguments...);
}

inline void require(bool holds, const char* what) { explorer::now().require(holds, what); }
template <class Predicate>
bool wait_until(Predicate holds) {
    return explorer::now().wait_until(holds);
}
// What the calling thread has read so far no longer matters: it goes on from this line with `locals`, and
// whatever else of the past matters, to a thread or to a check, is told by atomics. Makes fewer states of it.
inline void forget(std::uint64_t locals = 0, unsigned line = __builtin_LINE()) {
    explorer::now().forget(locals, line);
}
// What the calling thread has found out without reading an atomic.
inline void learn(std::uint64_t value) { explorer::now().learn(value); }

} // namespace weft::model
