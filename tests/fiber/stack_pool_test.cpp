// SPDX-License-Identifier: BSL-1.0
#include "fiber/stack_pool.hpp"

#include "memory_probe.hpp"

#include <weft/stack_error.hpp>

#include <atomic>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace weft {
namespace {

using testing::mapped;
using testing::memory_probe;
using testing::page_size;
using testing::resident_pages;

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
constexpr stack_pool::config closed_guards{.force_mprotect = true};

std::size_t resident(const stack_slot& slot) { return resident_pages(slot.low, slot.extent()); }

// Takes stacks and gives them all back in the end.
class StackPool : public ::testing::Test {
protected:
    stack_slot take(std::size_t bytes = 0) { return taken_.emplace_back(pool_.take(bytes)); }
    void give_all_back() {
        for (const stack_slot& slot : taken_) pool_.give_back(slot);
        taken_.clear();
    }
    void TearDown() override {
        give_all_back();
        const auto [cut, free, reserved] = pool_.stats();
        EXPECT_EQ(free, cut);
    }

    stack_pool pool_{{}};
    memory_probe probe_;
    std::vector<stack_slot> taken_;
};

class StackPoolSizes : public StackPool, public ::testing::WithParamInterface<std::size_t> {};

TEST_P(StackPoolSizes, AllThatWasAskedForIsUsableBelowALargeControlBlock) {
    const stack_slot slot = take(GetParam());
    EXPECT_GE(slot.size(), GetParam() + 3 * kib);
    EXPECT_EQ(slot.top(), slot.low + slot.size());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(slot.top()) % 64, 0U);
    *slot.low = std::byte{1};
    *(slot.top() - 1) = std::byte{1};
    EXPECT_EQ(resident(slot), 2U);
}

TEST_P(StackPoolSizes, TheGuardLiesRightBelowTheStack) {
    const stack_slot slot = take(GetParam());
    EXPECT_FALSE(probe_.readable(slot.low - 1));
    EXPECT_FALSE(probe_.readable(slot.low - page_size()));
    EXPECT_TRUE(probe_.readable(slot.low));
}

INSTANTIATE_TEST_SUITE_P(Bytes, StackPoolSizes,
    ::testing::Values(
        1, 16 * kib, 16 * kib + 1, 64 * kib, 256 * kib, mib, 64 * mib, 64 * mib + 1, 3072 * mib));

TEST_F(StackPool, ZeroIsTheDefault) {
    EXPECT_EQ(take(0).size_class, take(256 * kib).size_class);
    stack_pool other({.default_size = 100'000});
    const stack_slot slot = other.take(0);
    EXPECT_GE(slot.size(), 128 * kib);
    EXPECT_LT(slot.size(), 256 * kib);
    other.give_back(slot);
}

TEST_F(StackPool, AbsurdSizesAreRefusedByName) {
    for (const std::size_t bytes : {SIZE_MAX, stack_class::largest + 1}) {
        try {
            take(bytes);
            FAIL() << bytes;
        } catch (const stack_unavailable& error) {
            EXPECT_EQ(
                error.what(), "no fiber stack of " + std::to_string(bytes) + " bytes: the largest is 1 TiB");
        }
    }
    EXPECT_EQ(pool_.stats().cut, 0U);
    EXPECT_THROW(stack_pool({.default_size = SIZE_MAX}), stack_unavailable);
}

TEST_F(StackPool, StacksDoNotOverlap) {
    std::set<std::pair<std::byte*, std::byte*>> extents;
    for (int i = 0; i < 300; ++i) {
        for (const std::size_t bytes : {16 * kib, 64 * kib, 256 * kib, mib}) {
            const stack_slot slot = take(bytes);
            extents.emplace(slot.low - page_size(), slot.low + slot.extent());
        }
    }
    ASSERT_EQ(extents.size(), 1200U);
    std::byte* end = nullptr;
    for (const auto& [from, to] : extents) {
        EXPECT_GE(from, end);
        end = to;
    }
}

TEST_F(StackPool, NeighboursEndAtDifferentCacheLines) {
    std::set<std::uintptr_t> offsets;
    for (int i = 0; i < 16; ++i) {
        const stack_slot slot = take();
        offsets.insert(reinterpret_cast<std::uintptr_t>(slot.top()) % page_size());
        EXPECT_LT(slot.low + slot.extent() - slot.top(), 1024);
    }
    EXPECT_EQ(offsets.size(), 16U);
}

TEST_F(StackPool, LastGivenBackIsTakenFirst) {
    const stack_slot first = pool_.take(0);
    const stack_slot second = pool_.take(0);
    pool_.give_back(first);
    pool_.give_back(second);
    EXPECT_EQ(take().low, second.low);
    EXPECT_EQ(take().low, first.low);
}

TEST_F(StackPool, TakingAndGivingBackTouchesNoPage) {
    for (int i = 0; i < 100; ++i) take();
    const std::vector<stack_slot> slots = taken_;
    give_all_back();
    for (const stack_slot& slot : slots) EXPECT_EQ(resident(slot), 0U);
}

// Whether the kernel has noted MADV_NOHUGEPAGE for this address.
bool huge_pages_off(const std::byte* address) {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    std::ifstream mappings("/proc/self/smaps");
    bool inside = false;
    for (std::string line; std::getline(mappings, line);) {
        std::uintptr_t from = 0;
        std::uintptr_t to = 0;
        if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR, &from, &to) == 2)
            inside = from <= at && at < to;
        if (inside && line.starts_with("VmFlags:")) return (line + ' ').find(" nh ") != std::string::npos;
    }
    return false;
}

// A huge page would make 2 MiB resident where a parked fiber touches 4 KiB.
TEST_F(StackPool, HugePagesAreOff) {
    void* other = ::mmap(nullptr, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ::madvise(other, page_size(), MADV_NOHUGEPAGE);
    const bool shows = huge_pages_off(static_cast<std::byte*>(other));
    ::munmap(other, page_size());
    if (!shows) GTEST_SKIP() << "no huge pages, or madvise() does nothing, as under qemu-user";
    EXPECT_TRUE(huge_pages_off(take().low));
}

// With mprotect() the 32745th failed.
TEST_F(StackPool, FortyThousandAreGuardedWithOnePageEach) {
    if (pool_.guards() != guard_kind::marker) GTEST_SKIP() << "the kernel has no MADV_GUARD_INSTALL";
    for (int i = 0; i < 40'000; ++i) *(take().top() - 1) = std::byte{1};
    std::size_t unguarded = 0;
    std::size_t pages = 0;
    for (const stack_slot& slot : taken_) {
        unguarded += probe_.readable(slot.low - 1);
        pages += resident(slot);
    }
    EXPECT_EQ(unguarded, 0U);
    EXPECT_EQ(pages, taken_.size());
}

TEST_F(StackPool, FindsTheStackOfAnAddress) {
    for (int i = 0; i < 40; ++i) take();
    take(mib);
    for (const stack_slot& slot : taken_) {
        for (const std::byte* at :
            {slot.low - page_size(), slot.low - 1, slot.low, slot.low + slot.extent() - 1}) {
            const stack_slot found = pool_.find(at);
            EXPECT_EQ(found.low, slot.low);
            EXPECT_EQ(found.top(), slot.top());
            EXPECT_EQ(found.size_class, slot.size_class);
        }
    }
}

TEST_F(StackPool, FindsNothingElsewhere) {
    EXPECT_FALSE(pool_.find(&probe_));
    const stack_slot slot = take();
    EXPECT_FALSE(pool_.find(&probe_));
    EXPECT_FALSE(pool_.find(nullptr));
    EXPECT_FALSE(pool_.find(slot.low + 100 * mib)) << "not cut yet";
    EXPECT_FALSE(pool_.find(slot.low - mib));
}

TEST_F(StackPool, PagesOfAStackThatWasIdleForAPeriodAreGivenBack) {
    stack_slot slot = pool_.take(mib);
    std::memset(slot.low, 1, slot.size());
    slot.used = true;
    pool_.give_back(slot);
    EXPECT_EQ(resident(slot), slot.extent() / page_size());
    pool_.trim();
    EXPECT_EQ(resident(slot), slot.extent() / page_size()) << "given back within the period";
    pool_.trim();
    EXPECT_EQ(resident(slot), 0U);
    EXPECT_FALSE(probe_.readable(slot.low - 1));

    const stack_slot again = take(mib);
    EXPECT_EQ(again.low, slot.low);
    EXPECT_FALSE(again.used);
    *again.low = std::byte{1};
}

TEST_F(StackPool, TrimSparesWhatWasTakenWithinThePeriod) {
    std::vector<stack_slot> slots(100);
    for (stack_slot& slot : slots) slot = pool_.take(0);
    for (stack_slot& slot : slots) {
        *(slot.top() - 1) = std::byte{1};
        slot.used = true;
        pool_.give_back(slot);
    }
    pool_.trim();
    for (int i = 0; i < 10; ++i) take();
    give_all_back();
    pool_.trim();
    std::size_t pages = 0;
    for (const stack_slot& slot : slots) pages += resident(slot);
    EXPECT_EQ(pages, 10U);
    pool_.trim();
    for (const stack_slot& slot : slots) EXPECT_EQ(resident(slot), 0U);
}

TEST_F(StackPool, TrimSparesWhatNobodyUsed) {
    const stack_slot slot = pool_.take(0);
    *slot.low = std::byte{1};
    pool_.give_back(slot);
    pool_.trim();
    pool_.trim();
    EXPECT_EQ(resident(slot), 1U);
}

TEST_F(StackPool, StacksOfABatchAreOfTheDefaultSize) {
    std::vector<stack_slot> batch(32);
    ASSERT_EQ(pool_.take_batch(batch), 32U);
    for (const stack_slot& slot : batch) EXPECT_EQ(slot.size_class, pool_.default_class());
    pool_.give_back_batch(std::span(batch).first(8));
    EXPECT_EQ(pool_.stats().free, 8U);
    std::vector<stack_slot> rest(32);
    ASSERT_EQ(pool_.take_batch(rest), 8U) << "what is there, without cutting more";
    for (int i = 0; i < 8; ++i) EXPECT_EQ(rest[i].low, batch[i].low);
    pool_.give_back_batch(batch);
}

TEST_F(StackPool, GoesOnInAnotherReservation) {
    for (int i = 0; i < 5; ++i) take(600 * mib);
    EXPECT_GE(pool_.stats().reserved_bytes, 5 * 600 * mib);
    for (const stack_slot& slot : taken_) {
        *(slot.top() - 1) = std::byte{1};
        EXPECT_FALSE(probe_.readable(slot.low - 1));
        EXPECT_EQ(pool_.find(slot.low).low, slot.low);
    }
}

// Each owner leaves its name on the stack and finds it again; a stack with two owners, or whose pages are
// given back while it is taken, shows another.
TEST_F(StackPool, EachStackHasOneOwnerAtATime) {
    std::atomic<int> running{4};
    std::atomic<int> mistakes{0};
    const auto name_on = [](const stack_slot& slot) {
        return std::atomic_ref(*reinterpret_cast<std::uint64_t*>(slot.top() - 8));
    };
    const auto own = [&](std::uint64_t name) {
        std::minstd_rand random(static_cast<unsigned>(name));
        std::vector<stack_slot> mine;
        for (int round = 0; round < 20'000; ++round) {
            if (mine.size() < 40 && random() % 2 == 0) {
                stack_slot slot = pool_.take(random() % 4 == 0 ? 64 * kib : 0);
                slot.used = true;
                mistakes += name_on(slot).exchange(name) != 0;
                mine.push_back(slot);
            } else if (!mine.empty()) {
                std::swap(mine[random() % mine.size()], mine.back());
                mistakes += name_on(mine.back()).exchange(0) != name;
                pool_.give_back(mine.back());
                mine.pop_back();
            }
        }
        for (const stack_slot& slot : mine) {
            mistakes += name_on(slot).exchange(0) != name;
            pool_.give_back(slot);
        }
        --running;
    };
    std::vector<std::jthread> owners;
    for (std::uint64_t name = 1; name <= 4; ++name) owners.emplace_back(own, name);
    while (running != 0) pool_.trim();
    owners.clear();
    EXPECT_EQ(mistakes, 0);
}

TEST(StackPoolEnd, UnmapsAll) {
    std::byte* low = nullptr;
    {
        stack_pool pool({});
        const stack_slot slot = pool.take(0);
        low = slot.low;
        pool.give_back(slot);
        EXPECT_TRUE(mapped(low));
    }
    EXPECT_FALSE(mapped(low));
}

TEST(StackPoolEnd, LeavesTheMemoryToAStackThatIsStillOut) {
    stack_slot slot;
    {
        stack_pool pool({});
        slot = pool.take(0);
    }
    *slot.low = std::byte{1};
    EXPECT_EQ(resident(slot), 1U);
}

TEST(StackPoolDeathTest, AStepBelowTheStackKills) {
    for (const stack_pool::config& kind : {stack_pool::config{}, closed_guards}) {
        stack_pool pool(kind);
        const stack_slot slot = pool.take(0);
        auto* below = reinterpret_cast<volatile char*>(slot.low - 1);
        EXPECT_DEATH(*below = 1, "");
        pool.give_back(slot);
    }
}

TEST(StackPoolClosedGuards, GuardAndFindAsWell) {
    stack_pool pool(closed_guards);
    EXPECT_EQ(pool.guards(), guard_kind::closed);
    memory_probe probe;
    std::vector<stack_slot> taken;
    for (int i = 0; i < 300; ++i) {
        const stack_slot slot = taken.emplace_back(pool.take(i % 2 == 0 ? 0 : 16 * kib));
        std::memset(slot.low, 1, slot.size());
    }
    for (const stack_slot& slot : taken) {
        EXPECT_FALSE(probe.readable(slot.low - 1));
        EXPECT_EQ(pool.find(slot.low - 1).low, slot.low);
        pool.give_back(slot);
    }
}

} // namespace
} // namespace weft
