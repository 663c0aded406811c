// SPDX-License-Identifier: BSL-1.0
#include "base/thread_state.hpp"
#include "fiber/context_switch.hpp"

#include <cstddef>
#include <cstdio>
#include <thread>

// A fiber that hops between threads within one function reads and writes the state of the thread that it is
// on. Compilers assume that a function stays on its thread, and what they make of that depends on the
// options; so this is built with many of them (tests/meson.build), and has no framework that would hide the
// function from them.
namespace {

constexpr std::size_t stack_size = 64 * 1024;
alignas(64) char stack[stack_size];

struct passage {
    weft::context outside = nullptr;
    weft::context inside = nullptr;
    int hops = 0;
    int wrong = 0;
} way;

weft::worker* tag_of(int hop) { return reinterpret_cast<weft::worker*>(&stack[hop]); }

inline void hop() { weft::switch_context(way.inside, way.outside, nullptr); }

[[noreturn]] void fiber(void*) {
    // Straight on, where calls can be merged; the second one also writes.
    const weft::thread_state* before = &weft::this_thread_state();
    way.wrong += weft::this_thread_state().current_worker != tag_of(way.hops);
    hop();
    const weft::thread_state* after = &weft::this_thread_state();
    way.wrong += weft::this_thread_state().current_worker != tag_of(way.hops);
    way.wrong += before == after;
    weft::this_thread_state().waiter = nullptr;
    hop();
    way.wrong += weft::this_thread_state().current_worker != tag_of(way.hops);
    way.wrong += &weft::this_thread_state() == after;
    // In a loop, out of which the address can be moved.
    for (;;) {
        hop();
        way.wrong += weft::this_thread_state().current_worker != tag_of(way.hops);
    }
}

void resume() {
    weft::this_thread_state().current_worker = tag_of(way.hops);
    weft::switch_context(way.outside, way.inside, nullptr);
    ++way.hops;
}

} // namespace

int main() {
    way.inside = weft::make_context(stack + stack_size, stack_size, fiber);
    // This thread stays alive meanwhile, so that its state cannot be another's address again.
    for (int round = 0; round < 4; ++round) {
        resume();
        std::thread(resume).join();
    }
    if (way.hops != 8 || way.wrong != 0) {
        std::fprintf(stderr, "%d of the reads after a migration saw another thread's state\n", way.wrong);
        return 1;
    }
    return 0;
}
