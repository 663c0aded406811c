// SPDX-License-Identifier: BSL-1.0
#include "support/fibers_test.hpp"

#include <atomic>
#include <stdexcept>

namespace weft {
namespace {

TEST(Unhandled, ExceptionOfADetachedFiberEndsTheProgramWithAReport) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(weft::run([] {
        go({.name = "doomed"}, [] { throw std::runtime_error("no way out"); }).detach();
        sleep(std::chrono::hours(1));
    }),
        "unhandled exception in fiber [0-9]+ 'doomed' \\(spawned at .*unhandled_test.cpp:[0-9]+\\): no way "
        "out");
}

TEST(Unhandled, DroppingTheHandleAfterwardsCountsToo) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(weft::run([] {
        auto f = go([] { throw 5; });
        while (test::living_fibers() != 1) yield();
        f = {};
        sleep(std::chrono::hours(1));
    }),
        "unhandled exception in fiber [0-9]+ .*not a std::exception");
}

TEST(Unhandled, TheHandlerOfTheOptionsTakesIt) {
    std::atomic<int> taken{0};
    std::string what;
    std::string name;
    options with{.workers = 2};
    with.on_unhandled = [&](const fiber_info& who, std::exception_ptr exception) {
        try {
            std::rethrow_exception(exception);
        } catch (const std::runtime_error& error) {
            what = error.what();
        }
        name = who.name;
        EXPECT_NE(who.spawned_from.find("unhandled_test.cpp:"), std::string::npos);
        taken.fetch_add(1);
    };
    weft::run(
        [&] {
            go({.name = "early"}, [] { throw std::runtime_error("first"); }).detach();
            while (taken.load() != 1) yield();
            EXPECT_EQ(what + name, "firstearly");
            {
                auto f = go({.name = "late"}, [] { throw std::runtime_error("second"); });
                while (test::living_fibers() != 1) yield();
            }
            EXPECT_EQ(taken.load(), 2);
            EXPECT_EQ(what + name, "secondlate");
        },
        with);
}

TEST(Unhandled, EndByCancellationIsNone) {
    weft::run([] {
        auto f = go([] { sleep(std::chrono::hours(1)); });
        f.cancel();
        f.detach();
    });
    EXPECT_EQ(test::used_control_blocks(), 0U);
}

} // namespace
} // namespace weft
