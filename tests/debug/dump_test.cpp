// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <atomic>
#include <csignal>
#include <sstream>
#include <vector>

namespace weft {
namespace {

using namespace std::chrono_literals;

using dump_ = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, dump_, test::all_worker_counts(), test::workers_name);

[[gnu::noinline]] void sleep_in_a_function_of_its_own() {
    sleep(24h);
    asm volatile("");
}

TEST_P(dump_, ShowsStateReasonPlaceAndStack) {
    run([] {
        std::atomic<bool> begun{false};
        auto sleeper = go({.name = "sleeper"}, [&] {
            begun.store(true);
            sleep_in_a_function_of_its_own();
        });
        std::string text;
        while (!begun.load()) yield();
        do {
            yield();
            std::ostringstream out;
            debug::dump(out);
            text = out.str();
        } while (text.find("parked, waits for a sleep since ") == std::string::npos);
        EXPECT_NE(text.find("'main'"), std::string::npos) << text;
        EXPECT_NE(text.find(": running"), std::string::npos) << text;
        EXPECT_NE(text.find("'sleeper' (spawned at "), std::string::npos) << text;
        EXPECT_NE(text.find("dump_test.cpp:"), std::string::npos) << text;
        EXPECT_NE(text.find("sleep_in_a_function_of_its_own"), std::string::npos) << text;
        EXPECT_EQ(text.find("2 fibers"), 0U) << text;
        sleeper.cancel();
    });
}

TEST_P(dump_, WhileFibersComeAndGo) {
    run([] {
        std::atomic<bool> end{false};
        std::vector<fiber<void>> all;
        for (int i = 0; i < 8; ++i)
            all.push_back(go([&] {
                while (!end.load()) {
                    go({.name = "short"}, [] { yield(); }).join();
                    sleep(1us);
                }
            }));
        for (int i = 0; i < 50; ++i) {
            std::ostringstream out;
            debug::dump(out);
            EXPECT_NE(out.str().find("'main'"), std::string::npos);
            yield();
        }
        end.store(true);
        for (auto& f : all) f.join();
    });
}

TEST(Sigquit, PrintsTheDumpAndTheProgramRunsOn) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(([] {
        weft::run([] {
            auto sleeper = go({.name = "sleeper"}, [] { sleep(24h); });
            sleep(5ms);
            std::raise(SIGQUIT);
            sleep(200ms);
            sleeper.cancel();
        });
        std::_Exit(7);
    }()),
        ::testing::ExitedWithCode(7), "2 fibers(.|\n)*'main'(.|\n)*'sleeper'");
}

} // namespace
} // namespace weft
