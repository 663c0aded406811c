// SPDX-License-Identifier: BSL-1.0
#include "debug/stack_trace.hpp"

#include "debug/code_module.hpp"
#include "debug/elf_symbols.hpp"
#include "debug/frame_chain.hpp"
#include "debug/own_stack.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace {

using weft::stack_trace;
using weft_test::own_stack;

// What comes after a call keeps it from becoming a jump, which leaves no frame.
void not_a_tail_call() { asm volatile(""); }

[[gnu::noinline]] stack_trace here(const own_stack& stack) {
    void* const* const record = static_cast<void**>(__builtin_frame_address(0));
    return weft::walk_frames(record[1], record[0], stack.low(), stack.high());
}
[[gnu::noinline]] void innermost(const own_stack& stack, stack_trace& trace) {
    trace = here(stack);
    not_a_tail_call();
}
template <class Number>
[[gnu::noinline]] void middle(const own_stack& stack, stack_trace& trace, Number) {
    innermost(stack, trace);
    not_a_tail_call();
}
struct outermost {
    [[gnu::noinline]] void operator()(const own_stack& stack, stack_trace& trace) const {
        middle(stack, trace, 7L);
        not_a_tail_call();
    }
};

std::string printed(const stack_trace& trace) {
    std::ostringstream text;
    print(text, trace);
    return text.str();
}

std::string printed_to_descriptor(const stack_trace& trace) {
    std::FILE* const file = std::tmpfile();
    print(::fileno(file), trace, "    ");
    std::rewind(file);
    std::string text(1 << 16, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file));
    std::fclose(file);
    return text;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

stack_trace real_trace() {
    own_stack stack;
    stack_trace trace;
    stack.run_to_end([&] { outermost()(stack, trace); });
    return trace;
}

// A stack of forged frame records.
struct forged {
    alignas(16) std::array<void*, 256> words{};

    void* record(std::size_t index) { return &words[index]; }
    void set(std::size_t index, void* caller, std::uintptr_t return_address) {
        words[index] = caller;
        words[index + 1] = reinterpret_cast<void*>(return_address);
    }
    stack_trace walk(void* fp) {
        return weft::walk_frames(reinterpret_cast<void*>(1), fp, reinterpret_cast<std::byte*>(words.data()),
            reinterpret_cast<std::byte*>(words.data() + words.size()));
    }
};

std::vector<std::uintptr_t> numbers(const stack_trace& trace) {
    std::vector<std::uintptr_t> pcs;
    for (std::size_t i = 0; i < trace.size; ++i)
        pcs.push_back(reinterpret_cast<std::uintptr_t>(trace.pcs[i]));
    return pcs;
}

using pcs = std::vector<std::uintptr_t>;

TEST(StackTrace, FollowsTheRecordsToTheEntry) {
    forged stack;
    stack.set(10, stack.record(20), 2);
    stack.set(20, stack.record(30), 3);
    stack.set(30, nullptr, 4);
    EXPECT_EQ(numbers(stack.walk(stack.record(10))), (pcs{1, 2, 3, 4}));
    stack.set(30, nullptr, 0);
    EXPECT_EQ(numbers(stack.walk(stack.record(10))), (pcs{1, 2, 3}));
}

TEST(StackTrace, StaysWithinTheStack) {
    forged stack;
    int elsewhere[4]{};
    EXPECT_EQ(numbers(stack.walk(nullptr)), (pcs{1}));
    EXPECT_EQ(numbers(stack.walk(elsewhere)), (pcs{1}));
    stack.set(10, elsewhere, 2);
    EXPECT_EQ(numbers(stack.walk(stack.record(10))), (pcs{1, 2}));
    stack.set(10, reinterpret_cast<void*>(UINTPTR_MAX - 7), 2);
    EXPECT_EQ(numbers(stack.walk(stack.record(10))), (pcs{1, 2}));
    stack.set(10, stack.record(stack.words.size() - 1), 2); // half of that record lies beyond the end
    EXPECT_EQ(numbers(stack.walk(stack.record(10))), (pcs{1, 2}));
    stack.set(10, static_cast<std::byte*>(stack.record(20)) + 1, 2);
    EXPECT_EQ(numbers(stack.walk(stack.record(10))), (pcs{1, 2}));
}

TEST(StackTrace, EndsWhereTheRecordsGoRoundOrDown) {
    forged stack;
    stack.set(10, stack.record(10), 2);
    EXPECT_EQ(numbers(stack.walk(stack.record(10))), (pcs{1, 2}));
    stack.set(10, stack.record(20), 2);
    stack.set(20, stack.record(10), 3);
    EXPECT_EQ(numbers(stack.walk(stack.record(10))), (pcs{1, 2, 3}));
}

TEST(StackTrace, IsCutWhenFull) {
    forged stack;
    for (std::size_t i = 0; i + 2 < stack.words.size(); i += 2) stack.set(i, stack.record(i + 2), i + 2);
    const stack_trace trace = stack.walk(stack.record(0));
    ASSERT_EQ(trace.size, stack_trace::capacity);
    EXPECT_EQ(numbers(trace).back(), 2 * (stack_trace::capacity - 1));
}

TEST(StackTrace, NamesFunctionsThatAreNotExported) {
    const std::vector<std::string> lines = lines_of(printed(real_trace()));
    ASSERT_GE(lines.size(), 3U);
    EXPECT_EQ(lines[0].rfind("    #0  (anonymous namespace)::innermost(", 0), 0U) << lines[0];
    EXPECT_NE(lines[1].find("#1  void (anonymous namespace)::middle<long>("), std::string::npos) << lines[1];
    EXPECT_NE(lines[2].find("#2  (anonymous namespace)::outermost::operator()("), std::string::npos)
        << lines[2];
    std::array<char, 4096> self{};
    ASSERT_GT(::readlink("/proc/self/exe", self.data(), self.size() - 1), 0);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_NE(lines[i].find("+0x"), std::string::npos) << lines[i];
        EXPECT_NE(lines[i].find(std::string(" at ") + self.data() + "+0x"), std::string::npos) << lines[i];
    }
}

// All that differs is the names, which stay mangled.
TEST(StackTrace, DescriptorGetsTheSameText) {
    const stack_trace trace = real_trace();
    const std::string mangled = printed_to_descriptor(trace);
    EXPECT_NE(mangled.find("    #0  _ZN12_GLOBAL__N_1"), std::string::npos) << mangled;
    const auto without_names = [](const std::string& text) {
        std::string rest;
        for (const std::string& line : lines_of(text)) {
            const std::size_t name = line.find("  ", 4);
            rest += line.substr(0, name) + line.substr(line.rfind("+0x", line.find(" at /"))) + "\n";
        }
        return rest;
    };
    EXPECT_EQ(without_names(mangled), without_names(printed(trace)));
}

TEST(StackTrace, NumbersAreAligned) {
    stack_trace trace;
    for (int i = 0; i < 11; ++i) trace.add(reinterpret_cast<void*>(0x10));
    const std::vector<std::string> lines = lines_of(printed(trace));
    ASSERT_EQ(lines.size(), 11U);
    EXPECT_EQ(lines[0], "    #0  0x10");
    EXPECT_EQ(lines[9], "    #9  0xf");
    EXPECT_EQ(lines[10], "    #10 0xf");
    EXPECT_EQ(printed_to_descriptor(trace), printed(trace));
}

TEST(StackTrace, FunctionsOfAStrippedLibraryHaveTheirNames) {
    void* const function = ::dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
    ASSERT_NE(function, nullptr);
    stack_trace trace;
    trace.add(function);
    const std::string text = printed(trace);
    EXPECT_EQ(text.rfind("    #0  gnu_get_libc_version+0x0 at /", 0), 0U) << text;
    EXPECT_EQ(printed_to_descriptor(trace), text);
}

TEST(StackTrace, AddressIsTheOneThatToolsUse) {
    void* const function = ::dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
    Dl_info information{};
    ASSERT_NE(::dladdr(function, &information), 0);
    const auto offset =
        reinterpret_cast<std::uintptr_t>(function) - reinterpret_cast<std::uintptr_t>(information.dli_fbase);
    char expected[32];
    std::snprintf(expected, sizeof expected, "+0x%" PRIxPTR "\n", offset);
    stack_trace trace;
    trace.add(function);
    const std::string text = printed(trace);
    EXPECT_NE(text.find(expected), std::string::npos) << text << expected;
}

[[gnu::noinline]] std::string spawn_site() {
    std::string name = weft::symbol_name(__builtin_return_address(0));
    not_a_tail_call();
    return name;
}
[[gnu::noinline]] std::string spawner() {
    std::string name = spawn_site();
    not_a_tail_call();
    return name;
}

TEST(SymbolName, SaysFunctionAndShortFileName) {
    const std::string name = spawner();
    EXPECT_EQ(name.rfind("(anonymous namespace)::spawner", 0), 0U) << name;
    EXPECT_NE(name.find("()+0x"), std::string::npos) << name;
    std::array<char, 4096> self{};
    ASSERT_GT(::readlink("/proc/self/exe", self.data(), self.size() - 1), 0);
    const std::string path = self.data();
    EXPECT_NE(name.find(" (" + path.substr(path.rfind('/') + 1) + "+0x"), std::string::npos) << name;
    EXPECT_EQ(name.back(), ')');
}

TEST(SymbolName, OfNoCodeIsTheNumber) {
    EXPECT_EQ(weft::symbol_name(reinterpret_cast<void*>(0x1000)), "0xfff");
}

TEST(SymbolName, ManyThreadsMayAskAtOnce) {
    const stack_trace trace = real_trace();
    const std::string expected = printed(trace);
    std::vector<std::thread> threads;
    std::array<std::string, 4> got;
    for (std::string& text : got) threads.emplace_back([&] { text = printed(trace); });
    for (std::thread& thread : threads) thread.join();
    for (const std::string& text : got) EXPECT_EQ(text, expected);
}

// --- find_chain

class FindChain : public testing::Test {
protected:
    FindChain() {
        code.refresh();
        const stack_trace trace = real_trace();
        ours = reinterpret_cast<std::uintptr_t>(trace.pcs[1]);
    }

    weft::chain_start find(void* pc, void* fp) {
        const weft::stack_view view{reinterpret_cast<std::byte*>(stack.words.data()),
            reinterpret_cast<std::byte*>(stack.words.data() + stack.words.size())};
        return weft::find_chain({pc, fp, stack.record(2)}, view, code);
    }
    void set_word(std::size_t index, std::uintptr_t value) {
        stack.words[index] = reinterpret_cast<void*>(value);
    }

    forged stack;
    weft::code_map code;
    std::uintptr_t ours = 0; // a return address in this program
    const std::uintptr_t no_return =
        reinterpret_cast<std::uintptr_t>(&printed) + 8; // what precedes it is no call
    void* const here = reinterpret_cast<void*>(&printed);
    void* const in_libc = ::dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
};

TEST_F(FindChain, TakesTheFramePointerWhereItLeadsToARecord) {
    stack.set(10, stack.record(20), ours);
    stack.set(20, stack.record(30), ours);
    stack.set(30, nullptr, 0);
    EXPECT_EQ(find(here, stack.record(20)).fp, stack.record(20));
    EXPECT_EQ(find(here, stack.record(20)).caller, nullptr);
}

TEST_F(FindChain, SearchesARecordWhereItDoesNot) {
    stack.set(4, stack.record(20), 7);         // no code
    stack.set(6, stack.record(20), no_return); // no return address
    stack.set(8, stack.record(2), ours);       // leads down
    stack.set(10, stack.record(12), ours);     // leads to no record
    set_word(13, 7);
    stack.set(14, nullptr, ours); // zero by chance
    stack.set(20, stack.record(30), ours);
    stack.set(30, nullptr, ours);
    for (void* fp :
        {static_cast<void*>(nullptr), static_cast<void*>(this), stack.record(10), stack.record(0)})
        EXPECT_EQ(find(here, fp).fp, stack.record(20));
}

TEST_F(FindChain, BelievesAnOutermostRecordWhereThereIsNoOther) {
    stack.set(14, nullptr, ours);
    EXPECT_EQ(find(here, nullptr).fp, stack.record(14));
    stack.set(14, nullptr, 0);
    EXPECT_EQ(find(here, nullptr).fp, nullptr);
}

TEST_F(FindChain, NamesWhoCalledALibraryWithoutFramePointers) {
    set_word(4, no_return);
    set_word(5, ours);
    stack.set(20, stack.record(30), ours);
    stack.set(30, nullptr, ours);
    EXPECT_EQ(find(in_libc, stack.record(20)).caller, reinterpret_cast<void*>(ours));
    EXPECT_EQ(find(here, stack.record(20)).caller, nullptr);
}

#if defined(__x86_64__)
TEST_F(FindChain, NamesTheCallerOfAFunctionThatHasNoRecordYetOrAnyMore) {
    alignas(16) static const unsigned char code_of_a_function[] = {
        0x55, 0x48, 0x89, 0xe5, 0x90, 0x5d, 0xc3, 0, 0xf3, 0x0f, 0x1e, 0xfa};
    const auto stopped_at = [&](std::size_t offset) {
        return find(const_cast<unsigned char*>(code_of_a_function) + offset, stack.record(20)).caller;
    };
    stack.set(20, stack.record(30), ours);
    stack.set(30, nullptr, ours);
    void* const caller = reinterpret_cast<void*>(ours);
    set_word(2, ours);
    EXPECT_EQ(stopped_at(0), caller);
    EXPECT_EQ(stopped_at(4), nullptr);
    EXPECT_EQ(stopped_at(6), caller);
    EXPECT_EQ(stopped_at(8), caller);
    set_word(2, 7);
    EXPECT_EQ(stopped_at(0), nullptr);
    set_word(3, ours);
    EXPECT_EQ(stopped_at(1), caller);
}
#endif

std::size_t count_functions(const weft::code_module& module) {
    std::size_t count = 0;
    weft::elf_symbols(module).for_each([&](const auto&) { ++count; });
    return count;
}

TEST(ElfSymbols, AFileThatIsNotTheOneLoadedNamesNothing) {
    weft::code_module module;
    ASSERT_TRUE(weft::find_module(reinterpret_cast<void*>(&count_functions), module));
    EXPECT_GT(count_functions(module), 10U);
    weft::code_module changed = module;
    changed.headers[0].p_memsz += 1;
    EXPECT_EQ(count_functions(changed), 0U);
    for (const char* other : {"/bin/sh", "/etc/passwd", "/no/such/file", "/proc/self"}) {
        changed = module;
        std::snprintf(changed.path.data(), changed.path.size(), "%s", other);
        EXPECT_EQ(count_functions(changed), 0U) << other;
    }
}

} // namespace
