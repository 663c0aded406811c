// SPDX-License-Identifier: BSL-1.0
#include "debug/thread_capture.hpp"

#include "debug/own_stack.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using weft::stack_trace;
using weft_test::own_stack;

constexpr std::chrono::nanoseconds plenty = 30s;

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#endif
#if defined(WITH_TSAN)
constexpr bool thread_sanitizer = true;
#else
constexpr bool thread_sanitizer = false;
#endif

int own_tid() { return static_cast<int>(::syscall(SYS_gettid)); }

// What comes after a call keeps it from becoming a jump, which leaves no frame.
void not_a_tail_call() { asm volatile(""); }

std::string printed(const std::optional<stack_trace>& trace) {
    std::ostringstream text;
    if (trace) print(text, *trace);
    return text.str();
}

std::size_t position(const std::string& text, const char* what) { return text.find(what); }

struct subject {
    std::atomic<int> tid{0};
    std::atomic<bool> stop{false};
    std::array<int, 2> pipe{-1, -1};

    subject() { EXPECT_EQ(::pipe(pipe.data()), 0); }
    ~subject() {
        ::close(pipe[0]);
        ::close(pipe[1]);
    }
    int wait_for_tid() const {
        while (tid.load() == 0) std::this_thread::yield();
        return tid.load();
    }
    void wait_until_it_sleeps() const {
        while (weft::thread_run_state(wait_for_tid()) != 'S') std::this_thread::yield();
    }
    void let_read() const { EXPECT_EQ(::write(pipe[1], "x", 1), 1); }
};

[[gnu::noinline]] void spins(subject& self) {
    self.tid.store(own_tid());
    while (!self.stop.load()) continue;
    not_a_tail_call();
}
[[gnu::noinline]] void calls_what_spins(subject& self) {
    spins(self);
    not_a_tail_call();
}

// By way of a function of libc that keeps no frame pointers, and that no sanitizer replaces by its own.
std::atomic<long> got{0};
[[gnu::noinline]] void sleeps_in_libc(subject& self) {
    char byte[1];
    self.tid.store(own_tid());
    got.store(::syscall(SYS_read, self.pipe[0], byte, 1));
    not_a_tail_call();
}
[[gnu::noinline]] void calls_what_sleeps(subject& self) {
    sleeps_in_libc(self);
    not_a_tail_call();
}

// A thread on a stack of its own that is done when this ends.
class stopped_at_end {
public:
    stopped_at_end(own_stack& stack, subject& self, void (*body)(subject&))
        : self_(self),
          thread_(stack.start([&self, body] { body(self); })) {}
    ~stopped_at_end() {
        self_.stop.store(true);
        self_.let_read();
        ::pthread_join(thread_, nullptr);
    }
    stopped_at_end(const stopped_at_end&) = delete;
    stopped_at_end& operator=(const stopped_at_end&) = delete;

private:
    subject& self_;
    pthread_t thread_;
};

TEST(CaptureThread, ShowsTheCallsOfARunningThread) {
    own_stack stack;
    subject self;
    const stopped_at_end thread(stack, self, &calls_what_spins);
    const auto trace = weft::capture_thread(self.wait_for_tid(), stack.low(), stack.high(), plenty);
    ASSERT_TRUE(trace);
    const std::string text = printed(trace);
    if (thread_sanitizer)
        return; // stopped within TSan's part of an atomic load, which keeps no frame pointers
    EXPECT_NE(position(text, "::calls_what_spins("), std::string::npos) << text;
    EXPECT_LT(position(text, "::spins("), position(text, "::calls_what_spins(")) << text;
}

TEST(CaptureThread, OnAnotherStackThanThoughtShowsThePlaceAlone) {
    own_stack stack;
    own_stack other;
    subject self;
    const stopped_at_end thread(stack, self, &calls_what_spins);
    const auto trace = weft::capture_thread(self.wait_for_tid(), other.low(), other.high(), plenty);
    ASSERT_TRUE(trace);
    EXPECT_EQ(trace->size, 1U) << printed(trace);
}

TEST(CaptureThread, ReachesIntoLibcAndLetsItGoOn) {
    if (thread_sanitizer) GTEST_SKIP() << "TSan keeps the signal back until syscall() is over";
    own_stack stack;
    subject self;
    {
        const stopped_at_end thread(stack, self, &calls_what_sleeps);
        self.wait_until_it_sleeps();
        const auto trace = weft::capture_thread(self.wait_for_tid(), stack.low(), stack.high(), plenty);
        ASSERT_TRUE(trace);
        const std::string text = printed(trace);
        EXPECT_NE(position(text, "::sleeps_in_libc("), std::string::npos) << text;
        EXPECT_NE(position(text, "::calls_what_sleeps("), std::string::npos) << text;
    }
    EXPECT_EQ(got.load(), 1);
}

TEST(CaptureThread, OfOneselfShowsTheCaller) {
    own_stack stack;
    std::optional<stack_trace> trace;
    stack.run_to_end([&] { trace = weft::capture_thread(own_tid(), stack.low(), stack.high(), plenty); });
    ASSERT_TRUE(trace);
    EXPECT_NE(position(printed(trace), "weft::capture_thread("), std::string::npos) << printed(trace);
}

TEST(CaptureThread, AThreadThatBlocksSignalsGivesNothing) {
    own_stack stack;
    subject self;
    const stopped_at_end thread(stack, self, [](subject& blocked) {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        calls_what_spins(blocked);
    });
    EXPECT_FALSE(weft::capture_thread(self.wait_for_tid(), stack.low(), stack.high(), 5ms));
}

TEST(CaptureThread, AnEndedThreadGivesNothing) {
    int tid = 0;
    std::thread([&] { tid = own_tid(); }).join();
    EXPECT_FALSE(weft::capture_thread(tid, nullptr, nullptr, 5ms));
}

TEST(CaptureThread, ALateAnswerIsNotTakenForTheNext) {
    own_stack late_stack;
    own_stack stack;
    subject late;
    subject self;
    std::atomic<bool> unblocked{false};
    const pthread_t late_thread = late_stack.start([&] {
        sigset_t urgent;
        ::sigemptyset(&urgent);
        ::sigaddset(&urgent, SIGURG);
        ::pthread_sigmask(SIG_BLOCK, &urgent, nullptr);
        late.tid.store(own_tid());
        while (!late.stop.load()) std::this_thread::yield();
        ::pthread_sigmask(SIG_UNBLOCK, &urgent, nullptr);
        unblocked.store(true);
    });
    EXPECT_FALSE(weft::capture_thread(late.wait_for_tid(), late_stack.low(), late_stack.high(), 1ms));
    const stopped_at_end thread(stack, self, &calls_what_spins);
    late.stop.store(true);
    const auto trace = weft::capture_thread(self.wait_for_tid(), stack.low(), stack.high(), plenty);
    ASSERT_TRUE(trace);
    if (!thread_sanitizer) {
        EXPECT_NE(position(printed(trace), "::calls_what_spins("), std::string::npos) << printed(trace);
    }
    ::pthread_join(late_thread, nullptr);
    EXPECT_TRUE(unblocked.load());
}

TEST(CaptureThread, ManyMayAskAtOnce) {
    constexpr int rounds = 50;
    std::array<own_stack, 2> stacks;
    std::array<subject, 2> selves;
    const stopped_at_end one(stacks[0], selves[0], &calls_what_spins);
    const stopped_at_end two(stacks[1], selves[1], &calls_what_spins);
    std::vector<std::thread> askers;
    std::atomic<int> good{0};
    for (std::size_t i = 0; i < 2; ++i)
        askers.emplace_back([&, i] {
            for (int round = 0; round < rounds; ++round) {
                const auto trace =
                    weft::capture_thread(selves[i].wait_for_tid(), stacks[i].low(), stacks[i].high(), plenty);
                if (trace && trace->size > 2) ++good;
            }
        });
    for (std::thread& asker : askers) asker.join();
    EXPECT_EQ(good.load(), 2 * rounds);
}

// In a process of its own, since the handler is installed once.
volatile sig_atomic_t urgent_signals = 0;

bool users_handler_gets_what_is_no_capture() {
    struct sigaction action{};
    action.sa_handler = [](int) { urgent_signals = urgent_signals + 1; };
    ::sigaction(SIGURG, &action, nullptr);
    own_stack stack;
    subject self;
    const stopped_at_end thread(stack, self, &calls_what_spins);
    const auto trace = weft::capture_thread(self.wait_for_tid(), stack.low(), stack.high(), plenty);
    const bool kept_out = urgent_signals == 0;
    ::raise(SIGURG);
    return trace && trace->size > 2 && kept_out && urgent_signals == 1;
}

TEST(CaptureThreadDeathTest, AnEarlierHandlerGetsWhatIsNoCapture) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(::_exit(users_handler_gets_what_is_no_capture() ? 0 : 1), testing::ExitedWithCode(0), "");
}

TEST(CaptureThread, OtherUrgentSignalsAreStillIgnored) {
    int tid = 0;
    std::thread([&] { tid = own_tid(); }).join();
    EXPECT_FALSE(weft::capture_thread(tid, nullptr, nullptr, 5ms)); // the handler is there now
    EXPECT_EQ(::raise(SIGURG), 0);
}

TEST(ThreadRunState, TellsRunningFromSleeping) {
    EXPECT_EQ(weft::thread_run_state(own_tid()), 'R');
    own_stack stack;
    subject self;
    const stopped_at_end thread(stack, self, &calls_what_sleeps);
    self.wait_until_it_sleeps();
    EXPECT_EQ(weft::thread_run_state(-1), '\0');
}

TEST(ThreadRunState, IsNotFooledByTheName) {
    std::thread([] {
        ::pthread_setname_np(::pthread_self(), "a) Z (b");
        EXPECT_EQ(weft::thread_run_state(own_tid()), 'R');
    }).join();
}

TEST(PeekBlockedThread, ShowsWhoCalledLibc) {
    own_stack stack;
    subject self;
    const stopped_at_end thread(stack, self, &calls_what_sleeps);
    self.wait_until_it_sleeps();
    const auto trace = weft::peek_blocked_thread(self.wait_for_tid(), stack.low(), stack.high());
    ASSERT_TRUE(trace);
    const std::string text = printed(trace);
    EXPECT_NE(position(text, "::sleeps_in_libc("), std::string::npos) << text;
    EXPECT_LT(position(text, "::sleeps_in_libc("), position(text, "::calls_what_sleeps(")) << text;
    EXPECT_NE(position(text, "weft_test::own_stack::run("), std::string::npos) << text;
}

TEST(PeekBlockedThread, OnAnotherStackThanThoughtShowsThePlaceAlone) {
    own_stack stack;
    own_stack other;
    subject self;
    const stopped_at_end thread(stack, self, &calls_what_sleeps);
    self.wait_until_it_sleeps();
    const auto trace = weft::peek_blocked_thread(self.wait_for_tid(), other.low(), other.high());
    ASSERT_TRUE(trace);
    EXPECT_EQ(trace->size, 1U) << printed(trace);
}

// As it would be when the stack was given back to the system meanwhile.
TEST(PeekBlockedThread, MemoryThatIsGoneEndsTheTrace) {
    own_stack stack;
    subject self;
    const stopped_at_end thread(stack, self, &calls_what_sleeps);
    self.wait_until_it_sleeps();
    const auto trace =
        weft::peek_blocked_thread(self.wait_for_tid(), stack.low(), stack.high() + (std::size_t{1} << 46));
    EXPECT_TRUE(trace);
}

TEST(PeekBlockedThread, ARunningThreadGivesNothing) {
    own_stack stack;
    subject self;
    const stopped_at_end thread(stack, self, &calls_what_spins);
    EXPECT_FALSE(weft::peek_blocked_thread(own_tid(), stack.low(), stack.high()));
    EXPECT_FALSE(weft::peek_blocked_thread(-1, stack.low(), stack.high()));
}

} // namespace
