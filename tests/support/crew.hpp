// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <weft/fiber.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <ostream>
#include <thread>
#include <utility>
#include <vector>

namespace weft::test {

enum class crew_of { fibers, threads, both };

inline const char* name_of(crew_of kind) {
    static constexpr const char* names[] = {"fibers", "threads", "fibers_and_threads"};
    return names[static_cast<std::size_t>(kind)];
}

inline void PrintTo(crew_of kind, std::ostream* out) { *out << name_of(kind); }

// For what no event tells. Leaves the CPU to those it waits for.
template <class Condition>
void wait_until(Condition holds) {
    for (int looks = 1; !holds(); ++looks)
        if (looks % 8 != 0)
            yield();
        else
            sleep(std::chrono::microseconds(20));
}

// The actors of a test: fibers, plain threads, or in turn the one and the other.
class crew {
public:
    explicit crew(crew_of kind) : kind_(kind) {}
    ~crew() { join(); }
    crew(const crew&) = delete;
    crew& operator=(const crew&) = delete;

    void start(std::function<void()> actor) {
        const bool as_fiber = kind_ == crew_of::fibers || (kind_ == crew_of::both && started_ % 2 == 0);
        ++started_;
        auto body = [this, run = std::move(actor)] {
            run();
            ended_.fetch_add(1, std::memory_order_relaxed);
        };
        if (as_fiber)
            fibers_.push_back(go(std::move(body)));
        else
            threads_.emplace_back(std::move(body));
    }

    bool has_fibers() const { return !fibers_.empty(); }
    // The n-th fiber of those that are fibers.
    void cancel(std::size_t n) { fibers_[n % fibers_.size()].cancel(); }
    bool all_ended() const { return ended_.load(std::memory_order_relaxed) == started_; }

    // A thread is joined only once it has ended, for that blocks the worker that the fibers need.
    void join() {
        for (auto& one : fibers_) one.join();
        wait_until([this] { return all_ended(); });
        for (auto& one : threads_) one.join();
        fibers_.clear();
        threads_.clear();
    }

private:
    const crew_of kind_;
    std::vector<fiber<void>> fibers_;
    std::vector<std::thread> threads_;
    std::size_t started_ = 0;
    std::atomic<std::size_t> ended_{0};
};

} // namespace weft::test
