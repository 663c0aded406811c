// SPDX-License-Identifier: BSL-1.0
#include "support/measure.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>

#include <sys/resource.h>

namespace bench {
namespace {

// In bytes; the file gives kibibytes.
double memory_field(const std::string& path, std::string_view field) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(field)) return std::strtod(line.c_str() + field.size(), nullptr) * 1024;
    fail(path + " has no " + std::string(field));
}

double process_status(std::string_view field) { return memory_field("/proc/self/status", field); }

std::string folder_of(int process) { return "/proc/" + std::to_string(process) + '/'; }

bool is_prime(std::size_t number) {
    for (std::size_t divisor = 2; divisor * divisor <= number; ++divisor)
        if (number % divisor == 0) return false;
    return true;
}

} // namespace

void fail(std::string_view why) {
    std::fflush(stdout);
    std::fprintf(stderr, "%.*s\n", static_cast<int>(why.size()), why.data());
    std::_Exit(1);
}

void check(bool right, std::string_view what) {
    if (!right) fail("wrong result: " + std::string(what));
}

int checked(int result, const char* what) {
    if (result == -1) fail(std::string(what) + ": " + std::strerror(errno));
    return result;
}

void check_index_sum(std::size_t sum, std::size_t count) {
    check(sum == count * (count - 1) / 2, "sum of what was spawned");
}

void check_index_sum(std::span<const std::size_t> results) {
    check_index_sum(std::accumulate(results.begin(), results.end(), std::size_t{0}), results.size());
}

void check_item_sum(std::size_t sum, std::size_t count) {
    check(sum == count * (count - 1) / 2, "sum of the items");
}

void check_prime_sum(std::size_t sum, std::size_t count) {
    std::size_t right = 0;
    for (std::size_t number = 2; count > 0; ++number)
        if (is_prime(number)) {
            right += number;
            --count;
        }
    check(sum == right, "sum of the primes");
}

double per_operation(std::chrono::nanoseconds elapsed, std::size_t operations) {
    return static_cast<double>(elapsed.count()) / static_cast<double>(operations);
}

double milliseconds(std::chrono::nanoseconds elapsed) { return static_cast<double>(elapsed.count()) / 1e6; }

double percentile(std::vector<std::int64_t>& samples, double share) {
    std::ranges::sort(samples);
    return static_cast<double>(
        samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1))]);
}

std::chrono::nanoseconds cpu_time() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return std::chrono::seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
        std::chrono::microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

double resident_bytes() { return process_status("VmRSS:"); }

double peak_megabytes() { return process_status("VmHWM:") / 1e6; }

std::chrono::nanoseconds cpu_time_of(int process) {
    std::chrono::nanoseconds sum{};
    for (const auto& thread : std::filesystem::directory_iterator(folder_of(process) + "task")) {
        long long ran = 0;
        if (std::ifstream(thread.path() / "schedstat") >> ran) sum += std::chrono::nanoseconds(ran);
    }
    return sum;
}

double memory_of(int process) {
    const std::string folder = folder_of(process);
    return memory_field(folder + "smaps_rollup", "Pss:") + memory_field(folder + "status", "VmPTE:");
}

} // namespace bench
