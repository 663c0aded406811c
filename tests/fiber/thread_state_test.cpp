// SPDX-License-Identifier: BSL-1.0
#include "base/thread_state.hpp"

#include "fiber/hopping_fiber.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace {

TEST(ThreadState, EachThreadHasItsOwn) {
    weft::thread_state& mine = weft::this_thread_state();
    EXPECT_EQ(&mine, &weft::this_thread_state());
    EXPECT_EQ(mine.current_worker, nullptr);
    EXPECT_EQ(mine.waiter, nullptr);

    int some = 0;
    mine.current_worker = reinterpret_cast<weft::worker*>(&some);
    std::thread([&] {
        EXPECT_NE(&weft::this_thread_state(), &mine);
        EXPECT_EQ(weft::this_thread_state().current_worker, nullptr);
    }).join();
    EXPECT_EQ(weft::this_thread_state().current_worker, reinterpret_cast<weft::worker*>(&some));
    mine.current_worker = nullptr;
}

// tls_after_migration.cpp shows the same under the options that break other ways to reach a thread_local.
TEST(ThreadState, FiberSeesTheThreadThatItIsOn) {
    const weft::thread_state* seen = nullptr;
    hopping_fiber fiber([&](hopping_fiber& self) {
        for (int i = 0; i < 4; ++i) {
            seen = &weft::this_thread_state();
            self.suspend();
        }
    });
    for (int i = 0; i < 2; ++i) {
        fiber.resume();
        EXPECT_EQ(seen, &weft::this_thread_state());
        std::thread([&] {
            fiber.resume();
            EXPECT_EQ(seen, &weft::this_thread_state());
        }).join();
    }
    fiber.resume();
}

} // namespace
