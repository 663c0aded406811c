// SPDX-License-Identifier: BSL-1.0
#include "scheduler/settings.hpp"

#include "fiber/stack_slot.hpp"

#include <weft/backend/sys.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace weft {
namespace {

constexpr unsigned most_workers = 1024;
constexpr unsigned most_blocking_threads = 65536;
constexpr std::size_t largest_stack = std::size_t{1} << 30;

[[noreturn]] void refuse(std::string_view what, std::string_view value, std::string_view why) {
    throw std::invalid_argument(
        std::string("weft: ").append(what).append(" is ").append(value).append("; it must be ").append(why));
}

std::optional<std::string_view> environment(const char* name) {
    const char* text = sys::environment(name);
    return text == nullptr || *text == '\0' ? std::nullopt : std::optional<std::string_view>(text);
}

std::optional<unsigned long long> number_from(const char* name, bool with_suffix = false) {
    const auto text = environment(name);
    if (!text) return std::nullopt;
    unsigned long long value = 0;
    auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (with_suffix && error == std::errc() && end + 1 == text->data() + text->size()) {
        constexpr std::string_view suffixes = "KMG";
        const std::size_t power = suffixes.find(*end);
        if (power != std::string_view::npos &&
            value <= std::numeric_limits<unsigned long long>::max() >> 10 * (power + 1)) {
            value <<= 10 * (power + 1);
            ++end;
        }
    }
    if (error != std::errc() || end != text->data() + text->size())
        refuse(std::string("the environment variable ") + name, "'" + std::string(*text) + "'",
            with_suffix ? "a number of bytes, perhaps with the suffix K, M or G" : "a number");
    return value;
}

} // namespace

options settle(options given) {
    const options defaults;

    unsigned long long workers = given.workers;
    std::string_view from = "options::workers";
    if (workers == 0)
        if (const auto set = number_from("WEFT_WORKERS")) {
            workers = *set;
            from = "the environment variable WEFT_WORKERS";
            if (workers == 0) refuse(from, "0", "1 to 1024");
        }
    if (workers > most_workers)
        refuse(from, std::to_string(workers),
            given.workers != 0 ? "1 to 1024, or 0 for one a CPU" : "1 to 1024");
    given.workers =
        workers != 0 ? static_cast<unsigned>(workers) : std::min(sys::usable_cpus(), most_workers);

    unsigned long long stack = given.stack_size;
    from = "options::stack_size";
    if (stack == 0)
        if (const auto set = number_from("WEFT_STACK_SIZE", true)) {
            stack = *set;
            from = "the environment variable WEFT_STACK_SIZE";
            if (stack == 0) refuse(from, "0", "16 KiB to 1 GiB");
        }
    if (stack != 0 && (stack < stack_class::smallest || stack > largest_stack))
        refuse(from, std::to_string(stack) + " bytes", "16 KiB to 1 GiB");
    given.stack_size = stack;

    if (given.max_blocking_threads == defaults.max_blocking_threads)
        if (const auto set = number_from("WEFT_MAX_BLOCKING_THREADS")) {
            if (*set == 0 || *set > most_blocking_threads)
                refuse(
                    "the environment variable WEFT_MAX_BLOCKING_THREADS", std::to_string(*set), "1 to 65536");
            given.max_blocking_threads = static_cast<unsigned>(*set);
        }
    if (given.max_blocking_threads == 0 || given.max_blocking_threads > most_blocking_threads)
        refuse("options::max_blocking_threads", std::to_string(given.max_blocking_threads), "1 to 65536");

    if (given.shutdown_timeout == defaults.shutdown_timeout)
        if (const auto set = number_from("WEFT_SHUTDOWN_TIMEOUT")) {
            if (*set > 1'000'000'000)
                refuse("the environment variable WEFT_SHUTDOWN_TIMEOUT", std::to_string(*set) + " s",
                    "0 to 1000000000 s");
            given.shutdown_timeout = std::chrono::seconds(*set);
        }
    if (given.shutdown_timeout.count() < 0)
        refuse(
            "options::shutdown_timeout", std::to_string(given.shutdown_timeout.count()) + " ns", "0 or more");

    if (given.dump_on_sigquit)
        if (const auto set = number_from("WEFT_DUMP_ON_SIGQUIT")) {
            if (*set > 1)
                refuse("the environment variable WEFT_DUMP_ON_SIGQUIT", std::to_string(*set), "0 or 1");
            given.dump_on_sigquit = *set == 1;
        }
    return given;
}

} // namespace weft
