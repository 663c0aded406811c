// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace bench {

// Ends the program with status 1: a wrong result has no time.
[[noreturn]] void fail(std::string_view why);
void check(bool right, std::string_view what);
// The value, or the end of the program with errno's words if it is -1.
int checked(int result, const char* what);
// Of `count` fibers the i-th one was to give i.
void check_index_sum(std::size_t sum, std::size_t count);
void check_index_sum(std::span<const std::size_t> results);
// Of `count` items the i-th one was to be i.
void check_item_sum(std::size_t sum, std::size_t count);
// The first `count` primes were to be found.
void check_prime_sum(std::size_t sum, std::size_t count);

// Which of `count` operations the i-th of some fibers does: those from begin up to, but not including, end.
struct share {
    constexpr share(std::size_t count, std::size_t fibers, std::size_t i)
        : begin(i * count / fibers),
          end((i + 1) * count / fibers) {}
    std::size_t begin;
    std::size_t end;
};

class stopwatch {
public:
    std::chrono::nanoseconds elapsed() const { return std::chrono::steady_clock::now() - start_; }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

double per_operation(std::chrono::nanoseconds elapsed, std::size_t operations);
double milliseconds(std::chrono::nanoseconds elapsed);

// Sorts the samples.
double percentile(std::vector<std::int64_t>& samples, double share);

// User and system time of the whole process.
std::chrono::nanoseconds cpu_time();
double resident_bytes();
double peak_megabytes();

// Of another process: the time of its threads that are still alive; its memory and its page tables, shared pages in part.
std::chrono::nanoseconds cpu_time_of(int process);
double memory_of(int process);

// The same lengths in every peer, spread evenly over the range.
constexpr std::chrono::microseconds sleep_length(
    std::size_t min_us, std::size_t max_us, std::size_t fiber, std::size_t turn) {
    const std::size_t span = max_us - min_us + 1;
    return std::chrono::microseconds(min_us + (fiber * 7919 + turn * 104729) % span);
}

} // namespace bench
