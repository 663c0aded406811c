// SPDX-License-Identifier: BSL-1.0
#include "scheduler/settings.hpp"

#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace weft {
namespace {

using namespace std::chrono_literals;

// No variable of weft's is set but those that the test sets.
class Settings : public ::testing::Test {
protected:
    Settings() {
        for (const char* name : names) {
            if (const char* value = std::getenv(name)) before_[name] = value;
            ::unsetenv(name);
        }
    }
    ~Settings() override {
        for (const char* name : names) ::unsetenv(name);
        for (const auto& [name, value] : before_) ::setenv(name.c_str(), value.c_str(), 1);
    }
    static void set(const char* name, const char* value) { ::setenv(name, value, 1); }

    // What is thrown names the value, where it came from and what it must be.
    static void expect_refused(const options& given, const std::string& source, const std::string& value,
        const std::string& must_be) {
        try {
            settle(given);
            ADD_FAILURE() << source << ' ' << value << " is accepted";
        } catch (const std::invalid_argument& refused) {
            EXPECT_EQ(refused.what(), "weft: " + source + " is " + value + "; it must be " + must_be);
        }
    }
    static void expect_refused(
        const char* name, const char* text, const std::string& value, const std::string& must_be) {
        set(name, text);
        expect_refused({}, std::string("the environment variable ") + name, value, must_be);
        ::unsetenv(name);
    }

private:
    static constexpr const char* names[] = {"WEFT_WORKERS", "WEFT_STACK_SIZE", "WEFT_MAX_BLOCKING_THREADS",
        "WEFT_SHUTDOWN_TIMEOUT", "WEFT_DUMP_ON_SIGQUIT"};
    std::map<std::string, std::string> before_;
};

TEST_F(Settings, DefaultsComeFromTheMachine) {
    const options found = settle({});
    EXPECT_GE(found.workers, 1U);
    EXPECT_LE(found.workers, 1024U);
    EXPECT_EQ(found.stack_size, 0U);
    EXPECT_EQ(found.max_blocking_threads, 512U);
    EXPECT_EQ(found.shutdown_timeout, 10s);
    EXPECT_TRUE(found.dump_on_sigquit);
}

TEST_F(Settings, EnvironmentFillsWhatIsNotSet) {
    set("WEFT_WORKERS", "3");
    set("WEFT_STACK_SIZE", "65536");
    set("WEFT_MAX_BLOCKING_THREADS", "7");
    set("WEFT_SHUTDOWN_TIMEOUT", "0");
    set("WEFT_DUMP_ON_SIGQUIT", "0");
    const options found = settle({});
    EXPECT_EQ(found.workers, 3U);
    EXPECT_EQ(found.stack_size, 65536U);
    EXPECT_EQ(found.max_blocking_threads, 7U);
    EXPECT_EQ(found.shutdown_timeout, 0s);
    EXPECT_FALSE(found.dump_on_sigquit);
}

TEST_F(Settings, WhatIsSetExplicitlyWins) {
    set("WEFT_WORKERS", "3");
    set("WEFT_STACK_SIZE", "65536");
    set("WEFT_MAX_BLOCKING_THREADS", "7");
    set("WEFT_SHUTDOWN_TIMEOUT", "1");
    set("WEFT_DUMP_ON_SIGQUIT", "1");
    const options found = settle({.workers = 2,
        .stack_size = 32768,
        .max_blocking_threads = 9,
        .shutdown_timeout = 5s,
        .dump_on_sigquit = false});
    EXPECT_EQ(found.workers, 2U);
    EXPECT_EQ(found.stack_size, 32768U);
    EXPECT_EQ(found.max_blocking_threads, 9U);
    EXPECT_EQ(found.shutdown_timeout, 5s);
    EXPECT_FALSE(found.dump_on_sigquit);
}

TEST_F(Settings, WrongVariableIsNotReadWhereTheOptionIsSet) {
    set("WEFT_WORKERS", "many");
    EXPECT_EQ(settle({.workers = 2}).workers, 2U);
}

TEST_F(Settings, EmptyVariableCountsAsUnset) {
    set("WEFT_WORKERS", "");
    set("WEFT_STACK_SIZE", "");
    set("WEFT_SHUTDOWN_TIMEOUT", "");
    EXPECT_GE(settle({}).workers, 1U);
    EXPECT_EQ(settle({}).shutdown_timeout, 10s);
}

TEST_F(Settings, HandlerIsKept) {
    int calls = 0;
    const options found = settle({.on_unhandled = [&](const fiber_info&, std::exception_ptr) { ++calls; }});
    ASSERT_TRUE(found.on_unhandled);
    found.on_unhandled(fiber_info{}, nullptr);
    EXPECT_EQ(calls, 1);
}

TEST_F(Settings, StackSizeHasSuffixes) {
    for (const auto& [text, bytes] : std::map<const char*, std::size_t>{
             {"16384", 16384}, {"16K", 16384}, {"1024K", 1 << 20}, {"8M", 8 << 20}, {"1G", 1 << 30}}) {
        set("WEFT_STACK_SIZE", text);
        EXPECT_EQ(settle({}).stack_size, bytes) << text;
    }
}

TEST_F(Settings, BoundsAreInside) {
    EXPECT_EQ(settle({.workers = 1}).workers, 1U);
    EXPECT_EQ(settle({.workers = 1024}).workers, 1024U);
    EXPECT_EQ(settle({.stack_size = 16 << 10}).stack_size, std::size_t{16} << 10);
    EXPECT_EQ(settle({.stack_size = 1 << 30}).stack_size, std::size_t{1} << 30);
    EXPECT_EQ(settle({.max_blocking_threads = 1}).max_blocking_threads, 1U);
    EXPECT_EQ(settle({.max_blocking_threads = 65536}).max_blocking_threads, 65536U);
    EXPECT_EQ(settle({.shutdown_timeout = 0ns}).shutdown_timeout, 0ns);
    EXPECT_EQ(settle({.shutdown_timeout = std::chrono::nanoseconds::max()}).shutdown_timeout,
        std::chrono::nanoseconds::max());
    set("WEFT_SHUTDOWN_TIMEOUT", "1000000000");
    EXPECT_EQ(settle({}).shutdown_timeout, 1'000'000'000s);
}

TEST_F(Settings, OptionsOutOfRangeAreRefused) {
    expect_refused({.workers = 1025}, "options::workers", "1025", "1 to 1024, or 0 for one a CPU");
    expect_refused({.stack_size = 16383}, "options::stack_size", "16383 bytes", "16 KiB to 1 GiB");
    expect_refused({.stack_size = (std::size_t{1} << 30) + 1}, "options::stack_size", "1073741825 bytes",
        "16 KiB to 1 GiB");
    expect_refused({.max_blocking_threads = 0}, "options::max_blocking_threads", "0", "1 to 65536");
    expect_refused({.max_blocking_threads = 65537}, "options::max_blocking_threads", "65537", "1 to 65536");
    expect_refused({.shutdown_timeout = -1ns}, "options::shutdown_timeout", "-1 ns", "0 or more");
}

TEST_F(Settings, VariablesOutOfRangeAreRefused) {
    expect_refused("WEFT_WORKERS", "0", "0", "1 to 1024");
    expect_refused("WEFT_STACK_SIZE", "0", "0", "16 KiB to 1 GiB");
    expect_refused("WEFT_STACK_SIZE", "1K", "1024 bytes", "16 KiB to 1 GiB");
    expect_refused("WEFT_STACK_SIZE", "2G", "2147483648 bytes", "16 KiB to 1 GiB");
    expect_refused("WEFT_MAX_BLOCKING_THREADS", "0", "0", "1 to 65536");
    expect_refused("WEFT_MAX_BLOCKING_THREADS", "65537", "65537", "1 to 65536");
    expect_refused("WEFT_SHUTDOWN_TIMEOUT", "1000000001", "1000000001 s", "0 to 1000000000 s");
    expect_refused("WEFT_DUMP_ON_SIGQUIT", "2", "2", "0 or 1");
}

TEST_F(Settings, VariablesThatAreNoNumbersAreRefused) {
    for (const char* name :
        {"WEFT_WORKERS", "WEFT_MAX_BLOCKING_THREADS", "WEFT_SHUTDOWN_TIMEOUT", "WEFT_DUMP_ON_SIGQUIT"})
        for (const std::string text : {"many", "-1", "+1", " 4", "4 ", "4x", "0x4", "1.5", "4K"})
            expect_refused(name, text.c_str(), "'" + text + "'", "a number");
    for (const std::string text : {"big", "-1", "64k", "64KB", "K", "64 K", "1T", "99999999999999999G"})
        expect_refused("WEFT_STACK_SIZE", text.c_str(), "'" + text + "'",
            "a number of bytes, perhaps with the suffix K, M or G");
}

} // namespace
} // namespace weft
