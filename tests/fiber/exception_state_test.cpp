// SPDX-License-Identifier: BSL-1.0
#include "fiber/exception_state.hpp"

#include "fiber/hopping_fiber.hpp"

#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace {

std::string current_message() {
    try {
        if (!std::current_exception()) return "none";
        throw;
    } catch (const std::exception& error) {
        return error.what();
    }
}

TEST(ExceptionState, ThrownAndCaughtInside) {
    std::string caught;
    hopping_fiber fiber([&](hopping_fiber& self) {
        for (int i = 0; i < 3; ++i) {
            try {
                self.suspend();
                throw std::runtime_error("inside " + std::to_string(i));
            } catch (const std::runtime_error& error) {
                caught = error.what();
            }
        }
    });
    fiber.resume();
    for (int i = 0; i < 3; ++i) {
        fiber.resume();
        EXPECT_EQ(caught, "inside " + std::to_string(i));
    }
    EXPECT_TRUE(fiber.ended());
}

TEST(ExceptionState, SuspendedInACatchBlockRethrowsOnAnotherThread) {
    std::string rethrown;
    hopping_fiber fiber([&](hopping_fiber& self) {
        try {
            try {
                throw std::runtime_error("thrown on the first thread");
            } catch (...) {
                self.suspend();
                EXPECT_EQ(current_message(), "thrown on the first thread");
                self.suspend();
                throw;
            }
        } catch (const std::runtime_error& error) {
            rethrown = error.what();
        }
        EXPECT_EQ(current_message(), "none");
    });
    fiber.resume();
    EXPECT_EQ(current_message(), "none") << "the fiber's exception is not the thread's";
    fiber.resume_on_new_thread();
    fiber.resume_on_new_thread();
    EXPECT_TRUE(fiber.ended());
    EXPECT_EQ(rethrown, "thrown on the first thread");
    EXPECT_EQ(std::uncaught_exceptions(), 0);
}

struct suspends_in_destructor {
    hopping_fiber& self;
    std::vector<int>& counts;
    ~suspends_in_destructor() {
        counts.push_back(std::uncaught_exceptions());
        self.suspend();
        counts.push_back(std::uncaught_exceptions());
    }
};

TEST(ExceptionState, SuspendedWhileUnwindingGoesOnOnAnotherThread) {
    std::vector<int> inside;
    hopping_fiber fiber([&](hopping_fiber& self) {
        try {
            const suspends_in_destructor guard{self, inside};
            throw std::runtime_error("unwinding");
        } catch (const std::runtime_error&) {
            inside.push_back(std::uncaught_exceptions());
            self.suspend();
        }
        inside.push_back(std::uncaught_exceptions());
    });
    fiber.resume();
    EXPECT_EQ(std::uncaught_exceptions(), 0) << "the fiber's unwinding is not the thread's";
    int on_the_other = -1;
    std::thread([&] {
        fiber.resume();
        on_the_other = std::uncaught_exceptions();
    }).join();
    EXPECT_EQ(on_the_other, 0);
    fiber.resume();
    EXPECT_TRUE(fiber.ended());
    EXPECT_EQ(inside, (std::vector{1, 1, 0, 0}));
    EXPECT_EQ(std::uncaught_exceptions(), 0);
}

TEST(ExceptionState, FreshFiberDoesNotInheritItsResumersExceptions) {
    std::vector<int> inside;
    std::string seen;
    struct resumes_in_destructor {
        hopping_fiber& fiber;
        ~resumes_in_destructor() {
            fiber.resume();
            EXPECT_EQ(std::uncaught_exceptions(), 1);
        }
    };
    hopping_fiber fiber([&](hopping_fiber& self) {
        inside.push_back(std::uncaught_exceptions());
        self.suspend();
        inside.push_back(std::uncaught_exceptions());
        seen = current_message();
    });
    try {
        const resumes_in_destructor guard{fiber};
        throw std::runtime_error("the thread's own");
    } catch (const std::runtime_error&) {
        fiber.resume();
        EXPECT_EQ(current_message(), "the thread's own");
    }
    EXPECT_TRUE(fiber.ended());
    EXPECT_EQ(inside, (std::vector{0, 0}));
    EXPECT_EQ(seen, "none");
}

// Each loop leaves the others' exceptions alone, in whatever order they go on: catch blocks end in another
// order than they began.
TEST(ExceptionState, CatchBlocksOfManyFibersOverlap) {
    constexpr int count = 20;
    std::vector<std::unique_ptr<hopping_fiber>> fibers;
    int wrong = 0;
    for (int n = 0; n < count; ++n)
        fibers.push_back(std::make_unique<hopping_fiber>([&wrong, n](hopping_fiber& self) {
            const std::string mine = "of fiber " + std::to_string(n);
            for (int i = 0; i < n % 5 + 2; ++i) {
                try {
                    throw std::runtime_error(mine);
                } catch (const std::runtime_error&) {
                    self.suspend();
                    wrong += current_message() != mine;
                }
            }
        }));
    bool all_ended = false;
    for (int turn = 0; !all_ended; ++turn) {
        all_ended = true;
        for (int k = 0; k < count; ++k) {
            hopping_fiber& fiber = *fibers[static_cast<std::size_t>(turn % 2 ? count - 1 - k : k)];
            if (fiber.ended()) continue;
            all_ended = false;
            if ((k + turn) % 3 == 0)
                fiber.resume_on_new_thread();
            else
                fiber.resume();
        }
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    EXPECT_EQ(current_message(), "none");
}

TEST(ExceptionState, TellsHowManyAreBeingThrown) {
    weft::exception_state state;
    state.attach();
    EXPECT_EQ(state.uncaught(), 0U);
    struct looks {
        const weft::exception_state& state;
        ~looks() { EXPECT_EQ(state.uncaught(), 1U); }
    };
    try {
        const looks guard{state};
        throw 1;
    } catch (int) {
        EXPECT_NE(state.take().caught, nullptr);
    }
    EXPECT_EQ(state.take().caught, nullptr);
}

} // namespace
