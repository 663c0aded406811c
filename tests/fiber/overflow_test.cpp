// SPDX-License-Identifier: BSL-1.0
#include "fiber/overflow.hpp"

#include "debug/own_stack.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/auxv.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

namespace {

using testing::ExitedWithCode;
using testing::KilledBySignal;
using weft_test::own_stack;

struct fake_fiber {
    own_stack stack;
    weft::overflow_subject subject;
};
std::array<fake_fiber*, 2> fibers{};

bool which_fiber(const void* address, weft::overflow_subject& found) noexcept {
    for (const fake_fiber* fiber : fibers)
        if (fiber != nullptr && fiber->stack.guard_holds(address)) {
            found = fiber->subject;
            found.low = fiber->stack.low();
            found.high = fiber->stack.high();
            return true;
        }
    return false;
}

[[gnu::noinline]] void recurse(volatile char* from_caller) {
    volatile char room[200];
    room[0] = *from_caller;
    if (room[0] != 1) recurse(room);
    room[1] = 2;
}
constexpr std::size_t big_step = 120 << 10; // the third one lies wholly below the guard
[[gnu::noinline]] void recurse_in_big_steps(volatile char* from_caller) {
    volatile char room[big_step];
    room[big_step - 1] = *from_caller;
    if (room[big_step - 1] != 1) recurse_in_big_steps(room + big_step - 1);
    room[1] = 2;
}
[[gnu::noinline]] void bottom_of_all() {
    volatile char zero = 0;
    recurse(&zero);
    zero = 1;
}
[[gnu::noinline]] void bottom_of_big_steps() {
    volatile char zero = 0;
    recurse_in_big_steps(&zero);
    zero = 1;
}

void run_as_fiber(fake_fiber& fiber, void (*body)()) {
    fibers[0] = &fiber;
    weft::install_overflow_report(&which_fiber);
    fiber.stack.run_to_end([body] {
        const weft::alternate_stack handlers_run_here;
        body();
    });
}

struct has_once {
    using is_gtest_matcher = void;
    std::string words;
    bool MatchAndExplain(const std::string& text, std::ostream*) const { // NOLINT
        const std::size_t first = text.find(words);
        return first != std::string::npos && text.find(words, first + 1) == std::string::npos;
    }
    void DescribeTo(std::ostream* out) const { *out << "has once: " << words; }             // NOLINT
    void DescribeNegationTo(std::ostream* out) const { *out << "has not once: " << words; } // NOLINT
};

constexpr const char* advice = "; a larger one: fiber_options\\{\\.stack_size = \\.\\.\\.\\} or "
                               "options\\.stack_size / WEFT_STACK_SIZE\n";

class OverflowReport : public testing::Test {
protected:
    OverflowReport() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};
using OverflowReportDeathTest = OverflowReport;

TEST_F(OverflowReportDeathTest, NamesTheFiberItsPlaceAndItsSize) {
    fake_fiber fiber;
    fiber.subject = {.id = 17, .name = "name", .file = "echo.cpp", .line = 42};
    EXPECT_EXIT(run_as_fiber(fiber, &bottom_of_all), KilledBySignal(SIGSEGV),
        std::string("stack overflow in fiber 17 'name' \\(spawned at echo\\.cpp:42\\), 256 KiB") + advice +
            "    #0  [^\n]*recurse[^\n]*\\+0x[0-9a-f]+ at /[^\n]*\\+0x[0-9a-f]+\n    #1  [^\n]*recurse");
}

TEST_F(OverflowReportDeathTest, SaysWhatItKnows) {
    fake_fiber fiber;
    fiber.subject = {.id = 18, .size = 4 << 20};
    EXPECT_EXIT(run_as_fiber(fiber, &bottom_of_all), KilledBySignal(SIGSEGV),
        std::string("^stack overflow in fiber 18, 4 MiB") + advice);
}

[[gnu::noinline]] const void* place_in_this_program() {
    const void* volatile place = __builtin_return_address(0);
    return place;
}

TEST_F(OverflowReportDeathTest, SpawnPlaceMayBeAReturnAddress) {
    fake_fiber fiber;
    fiber.subject = {.id = 19, .spawned_from = place_in_this_program()};
    EXPECT_EXIT(run_as_fiber(fiber, &bottom_of_all), KilledBySignal(SIGSEGV),
        "fiber 19 \\(spawned at [^ \n]*SpawnPlace[^ \n]*\\+0x[0-9a-f]+ \\([^/\n]+\\+0x[0-9a-f]+\\)\\), 256 "
        "KiB;");
}

TEST_F(OverflowReportDeathTest, ADeepRecursionIsShownByItsEnds) {
    fake_fiber fiber;
    EXPECT_EXIT(run_as_fiber(fiber, &bottom_of_all), KilledBySignal(SIGSEGV),
        "\n    #23 [^\n]*recurse[^\n]*\n    \\.\\.\\.\n(    #[0-9]{3,} [^\n]*\n){0,7}"
        "    #[0-9]{3,} [^\n]*own_stack3run");
}

TEST_F(OverflowReportDeathTest, AShortChainIsShownWhole) {
    fake_fiber fiber;
    EXPECT_EXIT(run_as_fiber(fiber, &bottom_of_big_steps), KilledBySignal(SIGSEGV),
        "\n    #0  [^\n]*recurse_in_big_steps[^\n]*\n(    #[1-4]  [^\n]*recurse_in_big_steps[^\n]*\n)+"
        "    #[1-4]  [^\n]*bottom_of_big_steps[^\n]*\n");
}

// -fstack-clash-protection, without which such a frame steps over the guard and into whatever lies below.
TEST_F(OverflowReportDeathTest, AFrameLargerThanTheGuardMeetsIt) {
    static_assert(big_step > own_stack::guard_size);
    fake_fiber fiber;
    fiber.subject = {.id = 2};
    EXPECT_EXIT(run_as_fiber(fiber, &bottom_of_big_steps), KilledBySignal(SIGSEGV), "overflow in fiber 2, ");
}

void overflow_together() {
    fake_fiber one;
    fake_fiber two;
    fibers = {&one, &two};
    weft::install_overflow_report(&which_fiber);
    std::latch both_ready(2);
    const auto body = [&] {
        const weft::alternate_stack handlers_run_here;
        both_ready.arrive_and_wait();
        bottom_of_all();
    };
    const pthread_t first = one.stack.start(body);
    two.stack.run_to_end(body);
    ::pthread_join(first, nullptr);
}

TEST_F(OverflowReportDeathTest, TwoAtOnceGiveOneReport) {
    const has_once one_report{"stack overflow in fiber"};
    EXPECT_EXIT(overflow_together(), KilledBySignal(SIGSEGV), one_report);
}

TEST_F(OverflowReportDeathTest, AStderrThatNobodyReadsDelaysDeathButDoesNotPreventIt) {
    fake_fiber fiber;
    EXPECT_EXIT(
        {
            int ends[2];
            if (::pipe2(ends, O_NONBLOCK) != 0) std::abort();
            char zeros[4096] = {};
            while (::write(ends[1], zeros, sizeof zeros) > 0) continue;
            while (::write(ends[1], zeros, 1) > 0) continue;
            ::fcntl(ends[1], F_SETFL, 0);
            ::dup2(ends[1], STDERR_FILENO);
            run_as_fiber(fiber, &bottom_of_all);
        },
        KilledBySignal(SIGSEGV), "");
}

// --- faults that are no overflow

char* const nowhere =
    static_cast<char*>(::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
void fault() { *static_cast<char volatile*>(nowhere) = 1; }

// What the sanitizers make of a fault, or of the death that it is.
bool died_as_without_weft(int status) {
#ifdef SANITIZED
    return WIFEXITED(status) && WEXITSTATUS(status) != 0;
#else
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
#endif
}
#ifdef SANITIZED
constexpr const char* report_without_weft = "Sanitizer:DEADLYSIGNAL";
#else
constexpr const char* report_without_weft = "^$";
#endif

TEST_F(OverflowReportDeathTest, OtherFaultsDieAsTheyDidBefore) {
    fake_fiber fiber;
    EXPECT_EXIT(run_as_fiber(fiber, &fault), died_as_without_weft, report_without_weft);
}

TEST_F(OverflowReportDeathTest, ASentSignalDiesAsItDidBefore) {
    fake_fiber fiber;
    EXPECT_EXIT(
        run_as_fiber(fiber, [] { ::pthread_kill(::pthread_self(), SIGSEGV); }), died_as_without_weft, "");
    EXPECT_EXIT(run_as_fiber(fiber,
                    [] {
                        ::signal(SIGBUS, SIG_DFL);
                        ::pthread_kill(::pthread_self(), SIGBUS);
                    }),
        KilledBySignal(SIGBUS), "");
}

TEST_F(OverflowReportDeathTest, AnIgnoredSignalIsIgnoredButAFaultIsNot) {
    fake_fiber fiber;
    const auto ignore = [] { ::signal(SIGSEGV, SIG_IGN); };
    const auto send = [] {
        ::pthread_kill(::pthread_self(), SIGSEGV);
        ::_exit(7);
    };
    EXPECT_EXIT((ignore(), run_as_fiber(fiber, send)), ExitedWithCode(7), "");
    EXPECT_EXIT((ignore(), run_as_fiber(fiber, &fault)), KilledBySignal(SIGSEGV), "");
}

void install(int signal, void (*handler)(int, siginfo_t*, void*), int flags) {
    struct sigaction action{};
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | flags;
    ::sigaction(signal, &action, nullptr);
}

TEST_F(OverflowReportDeathTest, AnEarlierHandlerGetsOtherFaultsWithAllArguments) {
    fake_fiber fiber;
    const auto handler = [](int signal, siginfo_t* information, void* context) {
        const bool all = signal == SIGSEGV && information->si_signo == SIGSEGV && information->si_code > 0 &&
            information->si_addr == nowhere && context != nullptr;
        ::_exit(all ? 9 : 1);
    };
    EXPECT_EXIT((install(SIGSEGV, handler, 0), run_as_fiber(fiber, &fault)), ExitedWithCode(9), "");
    EXPECT_EXIT((install(SIGSEGV, handler, 0), run_as_fiber(fiber, &bottom_of_all)), KilledBySignal(SIGSEGV),
        "stack overflow in fiber 0");
}

TEST_F(OverflowReportDeathTest, AnEarlierHandlerOfOneArgumentIsCalledToo) {
    fake_fiber fiber;
    const auto handler = [](int signal) { ::_exit(signal); };
    EXPECT_EXIT((::signal(SIGSEGV, handler), run_as_fiber(fiber, &fault)), ExitedWithCode(SIGSEGV), "");
}

sigjmp_buf way_out;
volatile sig_atomic_t times_out = 0;

TEST_F(OverflowReportDeathTest, AnEarlierHandlerMayJumpAwayAgainAndAgain) {
    fake_fiber fiber;
    const auto handler = [](int, siginfo_t*, void*) { ::siglongjmp(way_out, 1); };
    const auto body = [] {
        if (::sigsetjmp(way_out, 1) != 0) times_out = times_out + 1;
        if (times_out < 3) fault();
        ::_exit(11);
    };
    EXPECT_EXIT((install(SIGSEGV, handler, 0), run_as_fiber(fiber, body)), ExitedWithCode(11), "");
}

TEST_F(OverflowReportDeathTest, AHandlerForOneSignalIsCalledOnce) {
    fake_fiber fiber;
    const auto handler = [](int, siginfo_t*, void*) { times_out = times_out + 1; };
    const auto body = [] {
        ::pthread_kill(::pthread_self(), SIGSEGV);
        if (times_out != 1) ::_exit(1);
        ::pthread_kill(::pthread_self(), SIGSEGV);
    };
    EXPECT_EXIT((install(SIGSEGV, handler, static_cast<int>(SA_RESETHAND)), run_as_fiber(fiber, body)),
        KilledBySignal(SIGSEGV), "");
}

TEST_F(OverflowReportDeathTest, InstallingAgainChangesNothing) {
    fake_fiber fiber;
    EXPECT_EXIT(
        {
            weft::install_overflow_report(&which_fiber);
            weft::install_overflow_report(
                [](const void*, weft::overflow_subject&) noexcept { return false; });
            run_as_fiber(fiber, &bottom_of_all);
        },
        KilledBySignal(SIGSEGV), "stack overflow in fiber 0");
}

// --- alternate_stack

stack_t signal_stack_now() {
    stack_t stack{};
    ::sigaltstack(nullptr, &stack);
    return stack;
}

TEST(AlternateStack, EndsWithWhatWasThereBefore) {
    const stack_t before = signal_stack_now();
    {
        const weft::alternate_stack outer;
        const stack_t first = signal_stack_now();
        EXPECT_EQ(first.ss_flags, 0);
        EXPECT_GE(first.ss_size, (std::size_t{64} << 10) + ::getauxval(AT_MINSIGSTKSZ));
        {
            const weft::alternate_stack inner;
            EXPECT_NE(signal_stack_now().ss_sp, first.ss_sp);
        }
        EXPECT_EQ(signal_stack_now().ss_sp, first.ss_sp);
        std::memset(first.ss_sp, 1, first.ss_size);
    }
    EXPECT_EQ(signal_stack_now().ss_sp, before.ss_sp);
    EXPECT_EQ(signal_stack_now().ss_flags, before.ss_flags);
}

} // namespace
