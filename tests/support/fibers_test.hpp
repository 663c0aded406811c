// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "fiber/fiber_registry.hpp"

#include <weft/weft.hpp>

#include <cstddef>
#include <string>

#include <gtest/gtest.h>

namespace weft::test {

inline std::size_t living_fibers() {
    std::size_t count = 0;
    fiber_registry::instance().for_each([&](fiber_control& fiber) { count += fiber.has_ended() ? 0 : 1; });
    return count;
}

inline std::size_t used_control_blocks() { return fiber_registry::instance().used(); }

// The body runs as the main fiber of a runtime with GetParam() workers; nothing may be left afterwards.
class fibers : public ::testing::TestWithParam<unsigned> {
protected:
    template <class F>
    auto run(F&& body) {
        return weft::run(std::forward<F>(body), {.workers = GetParam()});
    }
    void TearDown() override {
        EXPECT_EQ(living_fibers(), 0U);
        EXPECT_EQ(used_control_blocks(), 0U);
    }
};

inline std::string workers_name(const ::testing::TestParamInfo<unsigned>& info) {
    return std::to_string(info.param) + "_workers";
}

inline auto all_worker_counts() { return ::testing::Values(1U, 2U, 4U, 16U); }

} // namespace weft::test
