// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

namespace weft {
namespace {

using namespace std::chrono_literals;

using dump_ = test::fibers;
INSTANTIATE_TEST_SUITE_P(Workers, dump_, test::all_worker_counts(), test::workers_name);

constexpr const char* parked_in_a_sleep = "parked, waits for a sleep since ";

std::string dump_text() {
    std::ostringstream out;
    debug::dump(out);
    return out.str();
}

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
            text = dump_text();
        } while (text.find(parked_in_a_sleep) == std::string::npos);
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
            EXPECT_NE(dump_text().find("'main'"), std::string::npos);
            yield();
        }
        end.store(true);
        for (auto& f : all) f.join();
    });
}

// Standard error while this lives: a thread passes it on and looks for a text in it.
class watched_stderr {
public:
    explicit watched_stderr(std::string awaited)
        : awaited_(std::move(awaited)),
          before_(::dup(STDERR_FILENO)) {
        std::array<int, 2> ends{};
        if (before_ < 0 || ::pipe(ends.data()) != 0 || ::dup2(ends[1], STDERR_FILENO) < 0) std::abort();
        ::close(ends[1]);
        reader_ = std::thread([this, from = ends[0]] { pass_on(from); });
    }
    ~watched_stderr() {
        ::dup2(before_, STDERR_FILENO); // the pipe's last writing end: the thread reads the rest and returns
        reader_.join();
        ::close(before_);
    }
    watched_stderr(const watched_stderr&) = delete;
    watched_stderr& operator=(const watched_stderr&) = delete;

    bool has_shown_it() const { return shown_.load(std::memory_order_acquire); }

private:
    void pass_on(int from) {
        std::string all;
        std::array<char, 4096> part;
        for (;;) {
            const ssize_t size = ::read(from, part.data(), part.size());
            if (size <= 0) break;
            if (::write(before_, part.data(), static_cast<std::size_t>(size)) != size) std::abort();
            all.append(part.data(), static_cast<std::size_t>(size));
            if (all.find(awaited_) != std::string::npos) shown_.store(true, std::memory_order_release);
        }
        ::close(from);
    }

    const std::string awaited_;
    const int before_;
    std::atomic<bool> shown_{false};
    std::thread reader_;
};

// A dump that does not come ends the program by SIGALRM.
TEST(Sigquit, PrintsTheDumpAndTheProgramRunsOn) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(([] {
        std::signal(SIGQUIT, SIG_DFL); // a shell's background job begins with it ignored
        ::alarm(30);
        {
            const watched_stderr printed(parked_in_a_sleep);
            weft::run([&] {
                auto sleeper = go({.name = "sleeper"}, [] { sleep(24h); });
                while (dump_text().find(parked_in_a_sleep) == std::string::npos) yield();
                std::raise(SIGQUIT);
                while (!printed.has_shown_it()) yield();
                sleeper.cancel();
            });
        }
        std::_Exit(7);
    }()),
        ::testing::ExitedWithCode(7),
        "2 fibers(.|\n)*'main'(.|\n)*'sleeper'(.|\n)*parked, waits for a sleep");
}

} // namespace
} // namespace weft
