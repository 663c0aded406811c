// SPDX-License-Identifier: BSL-1.0
#include "fiber/stack_limits.hpp"

#include "failing_allocation.hpp"
#include "fiber/stack_cache.hpp"
#include "fiber/stack_pool.hpp"
#include "memory_probe.hpp"

#include <weft/stack_error.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

namespace weft {
namespace {

using testing::failing_allocation;
using testing::memory_probe;

std::size_t count_mappings() {
    std::ifstream maps("/proc/self/maps");
    std::size_t lines = 0;
    for (std::string line; std::getline(maps, line);) ++lines;
    return lines;
}

// Takes stacks until there are no more and says why not.
std::string exhaust(stack_pool& pool, std::vector<stack_slot>& taken) {
    try {
        while (taken.size() < taken.capacity()) taken.push_back(pool.take(0));
    } catch (const stack_unavailable& error) {
        return error.what();
    }
    return "none of them failed";
}

void give_back(stack_pool& pool, std::vector<stack_slot>& taken) {
    for (const stack_slot& slot : taken) pool.give_back(slot);
    taken.clear();
}

constexpr stack_pool::config hundred_mappings{.force_mprotect = true, .max_map_count = 100};

TEST(StackLimits, OfMappingsIsNamedAndLeavesSomeToTheProcess) {
    const std::size_t before = count_mappings();
    for (int again = 0; again < 2; ++again) {
        stack_pool pool(hundred_mappings);
        std::vector<stack_slot> taken;
        taken.reserve(1000);
        for (int round = 0; round < 2; ++round) {
            const std::string why = exhaust(pool, taken);
            EXPECT_NE(why.find("no fiber stack of 256 KiB: vm.max_map_count is 100, "), std::string::npos)
                << why;
            EXPECT_EQ(taken.size(), 47U);
            EXPECT_EQ(pool.stats().cut, 47U);
            EXPECT_EQ(pool.stats().free, 0U);
            if (!testing::sanitized) {
                EXPECT_LE(count_mappings(), before + 97);
            }
            memory_probe probe;
            for (const stack_slot& slot : taken) EXPECT_FALSE(probe.readable(slot.low - 1));
            give_back(pool, taken);
            EXPECT_EQ(pool.stats().free, 47U);
        }
    }
    if (!testing::sanitized) {
        EXPECT_LE(count_mappings(), before + 1);
    }
}

TEST(StackLimits, OfMappingsIsSharedByAllPools) {
    stack_pool first(hundred_mappings);
    stack_pool second(hundred_mappings);
    std::vector<stack_slot> taken;
    taken.reserve(1000);
    exhaust(first, taken);
    EXPECT_THROW(second.take(0), stack_unavailable);
    EXPECT_EQ(second.stats().cut, 0U);
    give_back(first, taken);
}

TEST(StackLimits, AreThrownByACacheThatStaysUsable) {
    stack_pool pool(hundred_mappings);
    stack_cache cache(pool);
    std::vector<stack_slot> taken;
    try {
        for (;;) taken.push_back(cache.take());
    } catch (const stack_unavailable&) {}
    EXPECT_EQ(taken.size(), 47U);
    EXPECT_EQ(cache.size(), 0U);
    for (const stack_slot& slot : taken) cache.give_back(slot);
    EXPECT_EQ(cache.take().low, taken.back().low);
    cache.give_back(taken.back());
}

TEST(StackLimits, AFailedAllocationChangesNothing) {
    if (!testing::allocations_can_fail) GTEST_SKIP();
    for (const bool forced : {false, true}) {
        bool succeeded = false;
        for (std::size_t nth = 1; !succeeded; ++nth) {
            ASSERT_LT(nth, 20U);
            stack_pool pool({.force_mprotect = forced});
            failing_allocation = nth;
            try {
                pool.give_back(pool.take(0));
                succeeded = true;
            } catch (const std::bad_alloc&) {
                failing_allocation = 0;
                EXPECT_EQ(pool.stats().cut, 0U);
                const stack_slot slot = pool.take(0);
                EXPECT_EQ(slot.colour, 0U) << "the first one";
                pool.give_back(slot);
            }
            failing_allocation = 0;
            EXPECT_EQ(pool.stats().free, pool.stats().cut);
            EXPECT_TRUE(nth > 1 || !succeeded) << "nothing was allocated";
        }
    }
}

// In a child process: the limits cannot be taken back by everybody, and gtest needs memory too.
class StackLimitsDeathTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (testing::sanitized) GTEST_SKIP() << "a sanitizer maps more than any limit";
    }

    static std::size_t statm(int field) {
        std::ifstream file("/proc/self/statm");
        std::size_t pages = 0;
        for (int i = 0; i <= field; ++i) file >> pages;
        return pages * testing::page_size();
    }

    // Ends the process: 0, if stacks ran out for `reason` and those that there are can be used and given
    // back.
    [[noreturn]] static void run_out(stack_pool& pool, const std::string& reason) {
        std::vector<stack_slot> taken;
        taken.reserve(100'000);
        const std::string why = exhaust(pool, taken);
        const std::size_t count = taken.size();
        memory_probe probe;
        bool good = why.find(reason) != std::string::npos && count > 10;
        for (const stack_slot& slot : taken) {
            *(slot.top() - 1) = std::byte{1};
            good = good && !probe.readable(slot.low - 1);
        }
        for (int again = 0; again < 1000; ++again) good = good && exhaust(pool, taken) == why;
        good = good && taken.size() == count;
        give_back(pool, taken);
        exhaust(pool, taken);
        good = good && taken.size() == count;
        std::fprintf(stderr, "%zu stacks, then %s\n", count, why.c_str());
        std::_Exit(good ? 0 : 1);
    }

    [[noreturn]] static void run_out_of(
        decltype(RLIMIT_AS) resource, std::size_t limit, const std::string& name, stack_pool::config kind) {
        stack_pool pool(kind);
        const rlimit limits{limit, limit};
        if (::setrlimit(resource, &limits) != 0) std::_Exit(2);
        run_out(pool, name + " is " + std::to_string(limit) + " bytes");
    }
};

TEST_F(StackLimitsDeathTest, OfAddressSpaceIsNamed) {
    for (const bool forced : {false, true}) {
        EXPECT_EXIT(run_out_of(RLIMIT_AS, statm(0) + (256 << 20), "RLIMIT_AS", {.force_mprotect = forced}),
            ::testing::ExitedWithCode(0), "");
    }
}

TEST_F(StackLimitsDeathTest, OfDataIsNamed) {
    for (const bool forced : {false, true}) {
        EXPECT_EXIT(run_out_of(RLIMIT_DATA, statm(5) + (40 << 20), "RLIMIT_DATA",
                        {.force_mprotect = forced, .max_map_count = 1000}),
            ::testing::ExitedWithCode(0), "");
    }
}

[[noreturn]] void lock_memory_and_take() {
    stack_pool pool({});
    std::vector<stack_slot> taken{pool.take(0)};
    if (::mlockall(MCL_CURRENT) != 0) std::_Exit(0);
    memory_probe probe;
    bool good = true;
    for (int i = 0; i < 50; ++i) {
        const stack_slot slot = taken.emplace_back(pool.take(0));
        *slot.low = std::byte{1};
        good = good && !probe.readable(slot.low - 1);
    }
    std::_Exit(good ? 0 : 1);
}

// The kernel refuses marks on locked memory.
TEST_F(StackLimitsDeathTest, LockedMemoryIsGuardedToo) {
    EXPECT_EXIT(lock_memory_and_take(), ::testing::ExitedWithCode(0), "");
}

} // namespace
} // namespace weft
