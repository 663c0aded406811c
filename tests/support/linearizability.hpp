// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

// Decides whether a recorded history of a concurrent object can be explained by a sequential one: whether each operation can be
// given an instant between its invocation and its response, so that the operations, one after the other in that order, do to
// the sequential object what was observed.
//
// Source. Wing and Gong, "Testing and verifying concurrent objects" (1993): a depth-first search that takes next any operation
// that was invoked before the first response left; with Lowe's addition, "Testing for linearizability" (2017): a pair of (set
// of operations taken, state) is tried once.
//
// A model is a copyable value with
//     using operation = ...;                  printable by <<
//     bool apply(const operation&);           false: not possible in this state with this outcome; the state is then thrown away
//     bool operator==(const Model&) const;    std::size_t hash() const;
//
// An operation without a response (its caller was cut off) has happened or has not, at any time after its invocation; its
// outcome is unknown, and it is for the model to know that from the operation. One that came back to say that it did nothing
// (timed out, cancelled) has a response and an outcome like any other.
namespace weft::test {

using stamp = std::uint64_t;
inline constexpr stamp no_response = std::numeric_limits<stamp>::max();

template <class Operation>
struct recorded {
    std::size_t actor = 0;
    Operation operation;
    stamp invoked = 0;
    stamp responded = no_response; // an equal stamp elsewhere counts as overlapping
};

template <class Operation>
using history = std::vector<recorded<Operation>>;

// Takes down what several actors do at the same time. Each actor writes a log of its own; one counter gives the stamps.
template <class Operation>
class recorder {
public:
    explicit recorder(std::size_t actors) : logs_(actors) {
        for (auto& log : logs_) log.reserve(64);
    }

    // Runs `call`, which writes the outcome into the operation it is given. To be called by one actor at a time.
    template <class Call>
    void record(std::size_t actor, Operation operation, Call&& call) {
        auto& entry = logs_[actor].emplace_back(recorded<Operation>{actor, std::move(operation)});
        entry.invoked = clock_.fetch_add(1, std::memory_order_seq_cst);
        call(entry.operation);
        entry.responded = clock_.fetch_add(1, std::memory_order_seq_cst);
    }

    // Once the actors have ended.
    history<Operation> all() const {
        history<Operation> result;
        for (const auto& log : logs_) result.insert(result.end(), log.begin(), log.end());
        return result;
    }

private:
    std::atomic<stamp> clock_{0};
    std::vector<history<Operation>> logs_;
};

struct linearization {
    bool found = false;
    std::vector<std::size_t> order; // places in the history; if none was found: of the longest attempt
};

template <class Model>
class linearizer {
public:
    using operation = typename Model::operation;

    explicit linearizer(const history<operation>& of) : history_(of), responses_left_(0) {
        for (std::size_t i = 0; i < of.size(); ++i) {
            events_.push_back({of[i].invoked, false, i});
            if (of[i].responded == no_response) continue;
            events_.push_back({of[i].responded, true, i});
            ++responses_left_;
        }
        std::sort(events_.begin(), events_.end(), [](const event& a, const event& b) {
            return std::tie(a.at, a.is_response, a.of) < std::tie(b.at, b.is_response, b.of);
        });
        // Links of a list in a ring around place 0, so that an event is lifted out and put back in its place in O(1).
        events_.insert(events_.begin(), event{});
        response_of_.assign(of.size(), 0);
        for (std::size_t i = 0; i < events_.size(); ++i) {
            events_[i].next = (i + 1) % events_.size();
            events_[i].previous = (i + events_.size() - 1) % events_.size();
            if (events_[i].is_response) response_of_[events_[i].of] = i;
        }
    }

    linearization search(Model state) {
        std::unordered_set<position, position_hash> tried;
        std::vector<bool> taken(history_.size());
        std::vector<step> steps;
        linearization best;
        std::size_t at = events_[0].next;
        while (responses_left_ != 0) {
            const std::size_t which = events_[at].of;
            if (!events_[at].is_response) {
                Model after = state;
                taken[which] = true;
                if (after.apply(history_[which].operation) && tried.insert({taken, after}).second) {
                    steps.push_back({std::move(state), at});
                    state = std::move(after);
                    take(at);
                    at = events_[0].next;
                    if (steps.size() > best.order.size()) best.order = order_of(steps);
                    continue;
                }
                taken[which] = false;
                at = events_[at].next;
                continue;
            }
            if (steps.empty()) return best;
            state = std::move(steps.back().before);
            at = steps.back().at;
            steps.pop_back();
            put_back(at);
            taken[events_[at].of] = false;
            at = events_[at].next;
        }
        return {true, order_of(steps)};
    }

private:
    struct event {
        stamp at = 0;
        bool is_response = false;
        std::size_t of = 0;
        std::size_t next = 0;
        std::size_t previous = 0;
    };
    struct step {
        Model before;
        std::size_t at;
    };
    struct position {
        std::vector<bool> taken;
        Model state;
        bool operator==(const position& other) const { return taken == other.taken && state == other.state; }
    };
    struct position_hash {
        std::size_t operator()(const position& p) const {
            return std::hash<std::vector<bool>>()(p.taken) * 31 + p.state.hash();
        }
    };

    void unlink(std::size_t at) {
        events_[events_[at].previous].next = events_[at].next;
        events_[events_[at].next].previous = events_[at].previous;
    }
    void link(std::size_t at) {
        events_[events_[at].previous].next = at;
        events_[events_[at].next].previous = at;
    }
    void take(std::size_t call) {
        unlink(call);
        const std::size_t response = response_of_[events_[call].of];
        if (response == 0) return;
        unlink(response);
        --responses_left_;
    }
    void put_back(std::size_t call) {
        const std::size_t response = response_of_[events_[call].of];
        if (response != 0) {
            link(response);
            ++responses_left_;
        }
        link(call);
    }
    std::vector<std::size_t> order_of(const std::vector<step>& steps) const {
        std::vector<std::size_t> order;
        for (const auto& one : steps) order.push_back(events_[one.at].of);
        return order;
    }

    const history<operation>& history_;
    std::vector<event> events_;
    std::vector<std::size_t> response_of_; // 0: none
    std::size_t responses_left_;
};

template <class Operation>
std::string printed(const history<Operation>& all) {
    auto by_invocation = all;
    std::sort(by_invocation.begin(), by_invocation.end(), [](const auto& a, const auto& b) {
        return std::tie(a.invoked, a.actor) < std::tie(b.invoked, b.actor);
    });
    std::ostringstream text;
    for (const auto& entry : by_invocation) {
        text << "    [" << entry.invoked << ", ";
        if (entry.responded == no_response)
            text << "...";
        else
            text << entry.responded;
        text << "] actor " << entry.actor << ": " << entry.operation << '\n';
    }
    return text.str();
}

// For EXPECT_TRUE; the failure shows the history and how far the best attempt came.
template <class Model>
::testing::AssertionResult is_linearizable(
    const history<typename Model::operation>& all, const Model& initial = Model()) {
    const linearization result = linearizer<Model>(all).search(initial);
    if (result.found) return ::testing::AssertionSuccess();
    history<typename Model::operation> attempt;
    for (const std::size_t i : result.order) attempt.push_back(all[i]);
    std::ostringstream text;
    text << "no order of these explains what was observed:\n" << printed(all) << "the longest attempt:\n";
    for (const auto& entry : attempt) text << "    actor " << entry.actor << ": " << entry.operation << '\n';
    return ::testing::AssertionFailure() << text.str();
}

} // namespace weft::test
